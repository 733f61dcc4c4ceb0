// Contender "fastify + ioredis": verify the HMAC of the raw body, XADD, answer 200. What a Node.js team would write.
//
// PORT, REDIS_PORT, APP_KEY, APP_SECRET; WORKERS above 1 makes so many processes that share the port. ioredis sends what one turn
// of its loop asks for in one write (enableAutoPipelining).
"use strict";
const cluster = require("cluster");
const { createHmac, timingSafeEqual } = require("crypto");
const { APP_KEY, APP_SECRET, PORT, REDIS_PORT, WORKERS } = process.env;

function serve() {
  const Redis = require("ioredis");
  const redis = new Redis({ host: "127.0.0.1", port: Number(REDIS_PORT), enableAutoPipelining: true });
  const app = require("fastify")({ logger: false, bodyLimit: 1 << 20 });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => done(null, body));
  app.post("/webhooks/tiktok", async (request, reply) => {
    const wanted = createHmac("sha256", APP_SECRET).update(APP_KEY).update(request.body).digest();
    const sent = Buffer.from(request.headers.authorization || "", "hex");
    if (sent.length !== wanted.length || !timingSafeEqual(sent, wanted)) return reply.code(401).send();
    try {
      await redis.xadd("s", "*", "body", request.body);
    } catch (error) {
      return reply.code(503).send();
    }
    return reply.code(200).send();
  });
  app.listen({ host: "127.0.0.1", port: Number(PORT), backlog: 16384 });
}

const workers = Number(WORKERS || 1);
if (workers > 1 && cluster.isPrimary) for (let i = 0; i < workers; i++) cluster.fork();
else serve();
