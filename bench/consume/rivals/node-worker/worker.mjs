// worker.mjs - the worker in Node.js, as a good developer writes it today: ioredis, mongodb, undici. A contender of bench/run.
//
// The same as worker.py beside it, which says what it does and what it leaves out: reads of 300 and slices of 1,000 up to 10,000,
// one `find` a thousand orders, signed detail calls of 50 ids, 32 at a time, guarded upserts in unordered bulks of 300, XACK after
// each. Here the calls run on while a bulk is written; an answer that fills a bulk waits for it, so memory stays bounded.
//
// Its packages are in BENCH_MODULES, see deploy/install --bench. Settings otherwise as for worker.py.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.BENCH_MODULES + "/");
const Redis = require("ioredis");
const { Decimal128, Long, MongoClient } = require("mongodb");
const { Pool } = require("undici");

const LIVE = "webhooks:{0}", DEAD = "webhooks:{0}:dead", GROUP = "workers";
const FIRST = 300, SLICE = 1000, HELD = 10000; // entries: of a read, of each further one, at most
const CALL = 50, CALLS = 32, BULK = 300; // ids a call, calls at a time, writes a bulk
const SKEW_MS = 2000, OFFSET_MS = 7 * 3600 * 1000;
const ORDERS = "/order/202507/orders";

const STATES = {
    UNPAID: "unpaid", ON_HOLD: "on_hold", AWAITING_SHIPMENT: "ready_to_ship", PARTIALLY_SHIPPING: "ready_to_ship",
    AWAITING_COLLECTION: "awaiting_collection", IN_TRANSIT: "shipped", DELIVERED: "delivered", COMPLETED: "completed",
    CANCELLED: "cancelled", CANCEL: "cancelled",
};
const TIMES = new Set([
    "create_time", "update_time", "paid_time", "rts_time", "collection_time", "delivery_time", "cancel_time",
    "request_cancel_time", "release_date", "rts_sla_time", "tts_sla_time", "cancel_order_sla_time", "delivery_sla_time",
    "shipping_due_time", "collection_due_time", "delivery_due_time", "delivery_option_required_delivery_time",
    "pick_up_cut_off_time", "fast_dispatch_sla_time", "recommended_shipping_time"]);
const MONEY = new Set([
    "original_price", "sale_price", "seller_discount", "platform_discount", "gift_retail_price", "buyer_service_fee",
    "tax_amount", "tax_rate"]);
const ZERO_IS_NONE = new Set([
    "warehouse_id", "package_id", "replaced_order_id", "exchange_source_order_id", "shipping_provider_id", "delivery_option_id"]);
const OPTIONAL = [...[...TIMES].filter((name) => name !== "update_time"),
    "user_id", "buyer_email", "buyer_message", "seller_note", "cancel_reason", "cancellation_initiator", "order_type",
    "commerce_platform", "shipping_type", "shipping_provider", "shipping_provider_id", "tracking_number", "delivery_type",
    "delivery_option_id", "delivery_option_name", "fulfillment_type", "warehouse_id", "split_or_combine_tag",
    "payment_method_name", "replaced_order_id", "exchange_source_order_id", "is_cod", "is_sample_order", "is_on_hold_order",
    "is_buyer_request_cancel", "is_replacement_order", "is_exchange_order", "has_updated_recipient_address",
    "is_subscription_order", "fulfillment_priority_level", "handling_duration", "packages", "payment", "recipient_address",
    "line_items", "extra", "channel_id", "deleted_at", "missing_at_ms", "behind", "raw", "validation_errors"];

// ---------------------------------------------------------------- values

/** A function whose results are kept, up to so many: most amounts and times of a shop come again and again. */
function kept(make, most = 65536) {
    const known = new Map();
    return (key) => {
        let value = known.get(key);
        if (value === undefined) {
            if (known.size >= most)
                known.clear();
            known.set(key, value = make(key));
        }
        return value;
    };
}

const money = kept((text) => Decimal128.fromString(text));
const instant = kept((seconds) => new Date(seconds * 1000 + OFFSET_MS).toISOString().slice(0, 19) + "+07:00");
const int64 = (value) => Long.fromNumber(Number(value));

/** What says something: absent, null, empty text and empty list do not. */
const said = (value) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0);

// ---------------------------------------------------------------- documents

function line(source) {
    const made = {};
    for (const key in source) {
        const value = source[key];
        if (!said(value) || (value === "0" && ZERO_IS_NONE.has(key)))
            continue;
        if (MONEY.has(key))
            made[key] = money(value);
        else if (key === "id")
            made.line_item_id = value;
        else if (key === "handling_duration_days")
            made[key] = int64(value);
        else if (key === "rts_time") {
            if (value)
                made[key] = instant(value);
        } else if (key === "item_tax" || key === "sub_item_info")
            made[key] = value.map(line);
        else
            made[key] = value;
    }
    return made;
}

/** The members of a part that say something, each through convert(key, value). */
function members(source, convert) {
    const made = {};
    for (const key in source) {
        if (said(source[key]))
            made[key] = convert(key, source[key]);
    }
    return made;
}

const PARTS = {
    payment: (part) => members(part, (key, value) => key === "currency" ? value : money(value)),
    recipient_address: (part) => members(part, (key, value) => value),
    handling_duration: (part) => members(part, (key, value) => key === "days" ? int64(value) : value),
    packages: (list) => list.map(({ id, ...others }) => ({ package_id: id, ...members(others, (key, value) => value) })),
    line_items: (list) => list.map(line),
};

/** The fields of an order of the marketplace, into made. */
function content(order, made) {
    for (const key in order) {
        const value = order[key];
        if (!said(value) || (value === "0" && ZERO_IS_NONE.has(key)))
            continue;
        if (TIMES.has(key)) {
            if (value)
                made[key] = instant(value);
        } else if (PARTS[key])
            made[key] = PARTS[key](value);
        else if (key === "id")
            made.order_id = value;
        else if (key === "fulfillment_priority_level")
            made[key] = int64(value);
        else
            made[key] = value;
    }
    made.state = STATES[made.status] ?? "unknown";
}

/** The upsert of a document's fields: an older state never overwrites a newer one. */
function guarded(key, made, horizonMs, now) {
    const absent = {};
    for (const name of OPTIONAL) {
        if (!(name in made))
            absent[name] = "";
    }
    return { updateOne: {
        filter: { _id: key, deleted_at: { $exists: false }, version: { $not: { $gt: made.version } },
            $nor: [{ version: made.version, fetched_ms: { $gte: made.fetched_ms, $lte: horizonMs } }] },
        update: { $set: made, $unset: absent, $setOnInsert: { first_seen: now } },
        upsert: true,
    } };
}

// ---------------------------------------------------------------- the worker

class Worker {
    constructor(settings) {
        this.settings = settings;
        this.reads = new Redis(settings.REDIS_URL);
        this.acks = new Redis(settings.REDIS_URL);
        this.mongo = new MongoClient(settings.MONGO_URI, { w: "majority", retryWrites: true });
        this.orders = this.mongo.db(settings.MONGO_DBNAME).collection("orders");
        this.http = new Pool(settings.TIKTOK_API_URL, { connections: CALLS });
        this.shops = new Map(readFileSync(settings.SHOPS, "utf8").trim().split("\n").map(JSON.parse).map((s) => [s.shop_id, s]));
        this.counts = { events: 0, calls: 0, bulks: 0 };
        this.stopping = false;
    }

    async run() {
        await this.acks.xgroup("CREATE", LIVE, GROUP, "0", "MKSTREAM").catch(() => {}); // it is there
        await this.orders.findOne({ _id: "" });
        console.log("started");
        while (!this.stopping) {
            const entries = await this.read(FIRST, ["BLOCK", 500]);
            if (entries.length === FIRST) {
                while (entries.length < HELD) {
                    const more = await this.read(Math.min(SLICE, HELD - entries.length), []);
                    if (more.length === 0)
                        break;
                    entries.push(...more);
                }
            }
            if (entries.length > 0) {
                await this.turn(entries);
                this.counts.events += entries.length;
                console.log(JSON.stringify(this.counts));
            }
        }
        await Promise.all([this.mongo.close(), this.http.close(), this.reads.quit(), this.acks.quit()]);
    }

    async read(count, block) {
        const answer = await this.reads.xreadgroup("GROUP", GROUP, this.settings.WORKER_NAME, "COUNT", count, ...block,
            "STREAMS", LIVE, ">");
        return answer ? answer[0][1] : [];
    }

    async turn(entries) {
        const { needs, dead } = this.group(entries);
        if (dead.length > 0)
            await this.bury(dead);
        const [seconds, micros] = await this.acks.time();
        this.offsetMs = Number(seconds) * 1000 + Number(micros) / 1000 - performance.now();
        await this.writeFetched(await this.lookup(needs));
    }

    /** Redis' clock. */
    nowMs() {
        return Math.trunc(this.offsetMs + performance.now());
    }

    group(entries) {
        const needs = new Map(), dead = [];
        for (const [id, list] of entries) {
            const fields = {};
            for (let i = 0; i < list.length; i += 2)
                fields[list[i]] = list[i + 1];
            if (fields.v !== "1" || fields.kind !== "order" || !fields.id || !fields.shop) {
                dead.push([id, list]);
                continue;
            }
            const key = `${fields.platform}:${fields.shop}:${fields.id}`;
            let need = needs.get(key);
            if (!need)
                needs.set(key, need = { key, shop: fields.shop, orderId: fields.id, entries: [], eventMs: 0, entryMs: 0 });
            need.entries.push(id);
            need.eventMs = Math.max(need.eventMs, Number(fields.event_ms ?? 0));
            need.entryMs = Math.max(need.entryMs, Number(id.slice(0, id.indexOf("-"))));
            need.source = fields.src;
            need.trace = fields.trace;
        }
        return { needs: [...needs.values()], dead };
    }

    async bury(dead) {
        const pipe = this.acks.multi();
        for (const [id, list] of dead)
            pipe.xadd(DEAD, "*", ...list, "_id", id, "_class", "bad_payload", "_err", "entry: a field is missing");
        pipe.xack(LIVE, GROUP, ...dead.map(([id]) => id));
        await pipe.exec();
    }

    // ------------------------------------------------------------ lookup

    /** Those that MongoDB does not reflect; the others are acknowledged. */
    async lookup(needs) {
        const stale = [], done = [];
        for (let at = 0; at < needs.length; at += SLICE) {
            const part = needs.slice(at, at + SLICE);
            const rows = await this.orders.find({ _id: { $in: part.map((need) => need.key) } },
                { projection: { version: 1, fetched_ms: 1, deleted_at: 1 }, batchSize: SLICE + 1 }).toArray();
            const stored = new Map(rows.map((row) => [row._id, row]));
            for (const need of part) {
                if (this.reflects(stored.get(need.key), need))
                    done.push(...need.entries);
                else
                    stale.push(need);
            }
        }
        if (done.length > 0)
            await this.acks.xack(LIVE, GROUP, ...done);
        return stale;
    }

    reflects(row, need) {
        if (!row)
            return false;
        const version = Number(row.version ?? 0), fetched = Number(row.fetched_ms ?? 0), later = fetched > need.entryMs;
        if (!need.eventMs)
            return later;
        return version > need.eventMs || (version === need.eventMs && fetched >= version + 1000 + SKEW_MS)
            || (version >= need.eventMs && later);
    }

    // ------------------------------------------------------------ fetch

    /** Up to 50 orders of one shop each, shops by turns. */
    calls(needs) {
        const shops = new Map();
        for (const need of needs) {
            if (!shops.has(need.shop))
                shops.set(need.shop, []);
            shops.get(need.shop).push(need);
        }
        const calls = [];
        for (let at = 0, found = true; found; at += CALL) {
            found = false;
            for (const part of shops.values()) {
                if (at < part.length) {
                    calls.push(part.slice(at, at + CALL));
                    found = true;
                }
            }
        }
        return calls;
    }

    /** One detail call: {need, order, fetchedMs} of each. */
    async fetch(needs) {
        const shop = this.shops.get(needs[0].shop), secret = this.settings.TIKTOK_APP_SECRET;
        const query = { app_key: this.settings.TIKTOK_APP_KEY, ids: needs.map((need) => need.orderId).join(","),
            shop_cipher: shop.shop_cipher, timestamp: String(Math.trunc(Date.now() / 1000)) };
        const text = ORDERS + Object.keys(query).sort().map((key) => key + query[key]).join("");
        query.sign = createHmac("sha256", secret).update(secret + text + secret).digest("hex");
        const fetchedMs = this.nowMs();
        const answer = await this.http.request({ method: "GET", path: ORDERS + "?" + new URLSearchParams(query),
            headers: { "x-tts-access-token": shop.access_token, "content-type": "application/json" } });
        const body = await answer.body.json();
        if (body.code !== 0)
            throw new Error(`the marketplace answers ${body.code}: ${body.message}`);
        const found = new Map(body.data.orders.map((order) => [order.id, order]));
        this.counts.calls++;
        return needs.map((need) => {
            const order = found.get(need.orderId);
            if (!order)
                throw new Error(`order ${need.orderId} is missing in the answer`);
            return { need, order, fetchedMs };
        });
    }

    async writeFetched(needs) {
        const calls = this.calls(needs);
        const answered = [];
        let next = 0, writing = Promise.resolve();
        const one = async () => {
            while (next < calls.length) {
                const got = await this.fetch(calls[next++]);
                answered.push(...got);
                while (answered.length >= BULK) {
                    const bulk = answered.splice(0, BULK);
                    writing = writing.then(() => this.write(bulk));
                    await writing;
                }
            }
        };
        await Promise.all(Array.from({ length: Math.min(CALLS, calls.length) }, one));
        if (answered.length > 0)
            await this.write(answered);
    }

    // ------------------------------------------------------------ write

    document({ need, order, fetchedMs }, nowMs) {
        const channel = this.shops.get(need.shop).channel_id, now = instant(Math.trunc(nowMs / 1000));
        const made = { platform: "tiktok", shop_id: need.shop, channel_id: channel };
        content(order, made);
        made.is_valid = true;
        made.idempotency_key = `tiktok:${need.shop}:${channel}:order:${need.orderId}`;
        made.version = Long.fromNumber(order.update_time * 1000);
        made.fetched_ms = Long.fromNumber(fetchedMs);
        made.details_fetched_at = instant(Math.trunc(fetchedMs / 1000));
        made.synced_at = now;
        made.source = need.source;
        made.trace = need.trace;
        return guarded(need.key, made, Long.fromNumber(nowMs + SKEW_MS), now);
    }

    /** One bulk. Sorted by _id: servers that run a bulk as one transaction deadlock otherwise. */
    async write(answered) {
        const nowMs = this.nowMs();
        answered.sort((a, b) => a.need.key < b.need.key ? -1 : 1);
        await this.orders.bulkWrite(answered.map((one) => this.document(one, nowMs)), { ordered: false });
        await this.acks.xack(LIVE, GROUP, ...answered.flatMap((one) => one.need.entries));
        this.counts.bulks++;
    }
}

const worker = new Worker(process.env);
process.on("SIGTERM", () => { worker.stopping = true; });
await worker.run();
