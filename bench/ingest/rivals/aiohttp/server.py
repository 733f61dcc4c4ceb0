"""Contender "aiohttp + redis-py": verify the HMAC of the raw body, XADD, answer 200. What a Python team would write.

PORT, REDIS_PORT, APP_KEY, APP_SECRET. uvloop, hiredis as redis-py's parser, a pool of connections to Redis: what makes it fast."""

import hashlib
import hmac
import os

import redis.asyncio
import uvloop
from aiohttp import web

KEY, SECRET = os.environ["APP_KEY"].encode(), os.environ["APP_SECRET"].encode()
store = redis.asyncio.Redis(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]), max_connections=256)


async def webhook(request):
    body = await request.read()
    wanted = hmac.new(SECRET, KEY + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers.get("Authorization", "")):
        return web.Response(status=401)
    try:
        await store.xadd("s", {"body": body})
    except redis.RedisError:
        return web.Response(status=503)
    return web.Response()


if __name__ == "__main__":
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/webhooks/tiktok", webhook)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None, backlog=16384)
