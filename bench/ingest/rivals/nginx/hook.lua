-- Verifies the HMAC of the raw body with OpenSSL, XADDs it over a kept-alive connection, answers 200.
local ffi, redis = require "ffi", require "nginx.redis"
pcall(ffi.cdef, [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *in, size_t n,
                    unsigned char *out, unsigned *out_len);
int CRYPTO_memcmp(const void *a, const void *b, size_t n);
unsigned char *ngx_hex_dump(unsigned char *dst, const unsigned char *src, size_t n);]])
local crypto = ffi.load("libcrypto.so.3")
local key, secret, port = os.getenv "APP_KEY", os.getenv "APP_SECRET", tonumber(os.getenv "REDIS_PORT")
local mac, hex = ffi.new("unsigned char[32]"), ffi.new("unsigned char[64]")

ngx.req.read_body()
local body, sent = ngx.req.get_body_data() or "", ngx.var.http_authorization or ""
local signed = key .. body
crypto.HMAC(crypto.EVP_sha256(), secret, #secret, signed, #signed, mac, nil)
ffi.C.ngx_hex_dump(hex, mac, 32)
if #sent ~= 64 or crypto.CRYPTO_memcmp(sent, hex, 64) ~= 0 then
    return ngx.exit(401)
end
local store = redis:new()
store:set_timeout(20000)
if not store:connect("127.0.0.1", port) or not store:xadd("s", "*", "body", body) then
    return ngx.exit(503)
end
store:set_keepalive(60000, 20000)
ngx.header.content_length = 0
return ngx.exit(200)
