"""truth.py - what MongoDB must hold, worked out independently of the product.

Input is the simulators' own state (GET /_sim/truth: each entity exactly as the marketplace serves it now) and the pushes that
were accepted; output are the documents worker/dto/README.md promises, and which of them must be there. Nothing here is shared
with common/, server/ or worker/: the tables (truth_tables.py) were written from that README and the platforms' descriptions.
"""

import datetime
import decimal
import json
import re

from bson.decimal128 import Decimal128
from bson.int64 import Int64

import truth_tables as tables

# Fields that say when and how a document was written, not what it holds.
BOOKKEEPING = {
    "fetched_ms", "details_fetched_at", "synced_at", "first_seen", "trace", "source", "content_hash", "idempotency_key", "version",
    "transactions_fetched_ms",
}
# What may differ between two passes over the same events.
PASS_FIELDS = {"fetched_ms", "details_fetched_at", "synced_at", "trace", "transactions_fetched_ms"}

# Kinds of entities: collection, and the simulators' kinds they come from.
KINDS = {
    "order": ("orders", ("order",)), "return": ("returns", ("return", "cancellation")), "product": ("products", ("product",)),
    "tracking": ("order_tracking_status", ("tracking",)), "transaction": ("transactions", ("transaction",)),
}


class Number(str):
    """A JSON number, kept as its text."""


class Invalid(Exception):
    """A value that its field cannot take: the document would not be valid."""


def load(text):
    """JSON with every number kept as its text."""
    return json.loads(text, parse_int=Number, parse_float=Number)


# ---------------------------------------------------------------- values

def is_integer(value):
    return re.fullmatch(r"-?[0-9]+", str(value)) is not None


def as_text(value):
    if isinstance(value, (bool, dict, list)):
        raise Invalid(value)
    return str(value)


def as_id_text(value):
    """An element of a list of texts: a number there must be an integer."""
    if isinstance(value, Number) and not is_integer(value):
        raise Invalid(value)
    return as_text(value)


def as_money(value):
    if isinstance(value, (bool, dict, list)) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", str(value) or "x"):
        raise Invalid(value)
    with decimal.localcontext(decimal.Context(prec=60)) as context:
        number = context.create_decimal(str(value))
    if len(number.as_tuple().digits) > 34:
        raise Invalid(value)
    return Decimal128(str(number))


def as_time(value):
    seconds = as_count(value)
    if seconds == 0:
        return None
    if not 946684800 <= seconds < 4102444800:
        raise Invalid(value)
    zone = datetime.timezone(datetime.timedelta(hours=7))
    return datetime.datetime.fromtimestamp(seconds, zone).isoformat()


def as_millis(value):
    return as_time(str(as_count(value) // 1000))


def as_count(value):
    if isinstance(value, (bool, dict, list)) or not is_integer(value):
        raise Invalid(value)
    return Int64(int(value))


def as_flag(value):
    if not isinstance(value, bool):
        raise Invalid(value)
    return value


def as_wordflag(value):
    return {"true": True, "TRUE": True, "false": False, "FALSE": False}[value] if isinstance(value, str) else as_flag(value)


def listed(convert_one):
    def of(value):
        elements = value if isinstance(value, list) else [value]
        return [convert_one(element) for element in elements if element not in (None, "", [])] or None
    return of


def key_of(name):
    """A key of the source as a document may have it."""
    return re.sub(r"^\$", "_", name).replace(".", "_").replace("\0", "_")


def as_extra(value):
    """What no table knows."""
    if isinstance(value, Number):
        if is_integer(value) and -2**63 <= int(value) < 2**63:
            return Int64(int(value))
        return as_amount(value)
    if isinstance(value, dict):
        return {key_of(key): as_extra(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_extra(item) for item in value]
    return value


def as_amount(value):
    try:
        return as_money(value)
    except Invalid:
        return str(value)


def as_breakdown(value, key=""):
    """What no table knows, in a breakdown: numbers are amounts, and so are numeric texts under the names of amounts."""
    if isinstance(value, Number):
        return as_amount(value)
    if isinstance(value, str) and re.search(r"_(amount|fee)$", key):
        return as_amount(value)
    if isinstance(value, dict):
        return {key_of(name): as_breakdown(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [as_breakdown(item) for item in value]
    return value


CONVERT = {"text": as_text, "id": as_text, "word": as_text, "money": as_money, "time": as_time, "millis": as_millis,
           "count": as_count, "flag": as_flag, "wordflag": as_wordflag, "texts": listed(as_id_text), "counts": listed(as_count),
           "raw": as_extra}


# ---------------------------------------------------------------- objects

class Converter:
    """One object of the source as the document's part. Raises Invalid for what cannot be converted."""

    def __init__(self, zero_ids):
        self.zero_ids = zero_ids  # ids whose "0" says that there is none

    def convert(self, table, source):
        part, extra = {}, {}
        for name, value in source.items():
            self.place(table, name, value, part, extra)
        if extra:
            part["extra"] = extra
        return part

    def place(self, table, name, value, part, extra):
        if name in table["up"] and isinstance(value, dict):
            self.dissolve(table, table["up"][name], value, part, extra)
            return
        path = self.path(table, name)
        if path is None:
            extra[key_of(name)] = as_breakdown(value, name) if table["open"] else as_extra(value)
        else:
            self.put(table, path.split("."), value, part)

    def path(self, table, name):
        """Where a key of the source stands in the document; None: no table knows it."""
        if name in table["names"]:
            return table["names"][name]
        known = name in table["fields"] or name in table["parts"] or name in table["lists"]
        taken = [path for path in table["names"].values() if path.split(".")[0] == name]
        return name if known and (not taken or name in table["both"]) else None

    def dissolve(self, table, names, source, part, extra):
        for name, value in source.items():
            if isinstance(names.get(name), dict) and isinstance(value, dict):
                self.dissolve(table, names[name], value, part, extra)
            elif name in names:
                self.put(table, [names[name]], value, part)
            else:
                extra[key_of(name)] = as_extra(value)

    def put(self, table, path, value, part):
        """The first that has a value counts."""
        if len(path) > 1:
            inner = part.get(path[0], {})
            self.put(table["parts"][path[0]], path[1:], value, inner)
            if inner:
                part[path[0]] = inner
            return
        result = self.value(table, path[0], value)
        if result is not None and path[0] not in part:
            part[path[0]] = result

    def value(self, table, name, value):
        if value in (None, "", []):
            return None
        if name in table["parts"]:
            return self.convert(table["parts"][name], value) or None
        if name in table["lists"]:
            return [self.convert(table["lists"][name], element) for element in value if element is not None] or None
        if name in self.zero_ids and str(value) == "0":
            return None
        if name in table["trim"] and isinstance(value, str):
            value = value.strip(" \t\r\n")
            if value == "":
                return None
        return CONVERT[table["fields"][name]](value)


# ---------------------------------------------------------------- documents, by platform and kind of the simulator

def state_of(states, platform, document):
    return states[platform].get(document.get("status"), "unknown")


def order(platform, body):
    table = tables.ORDER_TIKTOK if platform == "tiktok" else tables.ORDER_SHOPEE
    document = Converter(tables.ORDER_ZERO).convert(table, body)
    document["state"] = state_of(tables.ORDER_STATES, platform, document)
    if platform == "shopee":
        for line in document.get("line_items", []):
            if "currency" in document.get("payment", {}):
                line["currency"] = document["payment"]["currency"]
            item_is_sku(line)
    return document


def item_is_sku(line):
    if "sku_id" not in line and "seller_sku" not in line and "item_sku" in line:
        line["seller_sku"] = line["item_sku"]


def returned(platform, body):
    if platform == "shopee":
        document = Converter(tables.RETURN_ZERO).convert(tables.RETURN_SHOPEE, body)
        refund = str(body.get("return_solution")) in ("1", "REFUND")
        currency = document.get("refund_amount", {}).get("currency")
        for line in document.get("line_items", []):
            if currency is not None:
                line["currency"] = currency
                if "refund_amount" in line:
                    line["refund_amount"]["currency"] = currency
            item_is_sku(line)
    else:
        document = Converter(tables.RETURN_ZERO).convert(tables.RETURN_TIKTOK, body)
        refund = body.get("return_type") == "REFUND"
    document["return_kind"] = "refund" if refund else "return"
    document["state"] = state_of(tables.RETURN_STATES, platform, document)
    if platform == "tiktok" and document.get("arbitration_status") == "IN_PROGRESS":
        document["state"] = "disputed"
    return document


def cancellation(platform, body):
    document = Converter(tables.RETURN_ZERO).convert(tables.CANCELLATION_TIKTOK, body)
    document.update(return_kind="cancellation", state=state_of(tables.RETURN_STATES, platform, document))
    return document


def product(platform, body):
    if platform == "tiktok":
        document = Converter(tables.PRODUCT_ZERO).convert(tables.PRODUCT_TIKTOK, body)
        leaves = [c.get("category_id") for c in document.get("category_chains", []) if c.get("is_leaf") is True]
        if leaves and leaves[-1] is not None:
            document["category_id"] = leaves[-1]
    else:
        source = dict(body["base"])
        source.update({k: v for k, v in (body["models"] or {}).items()
                       if k in ("tier_variation", "model", "standardise_tier_variation")})
        document = finish_item(Converter(tables.PRODUCT_ZERO).convert(tables.PRODUCT_SHOPEE, source))
    document["state"] = state_of(tables.PRODUCT_STATES, platform, document)
    return document


def finish_item(item):
    for part in [item] + item.get("skus", []):
        finish_price(part)
        for name, key, unit in (("package_weight", "unit", "KILOGRAM"), ("package_dimensions", "unit", "CENTIMETER"),
                                ("identifier_code", "type", "GTIN")):
            if name in part:
                part[name][key] = unit
    finish_image(item)
    for sku in item.get("skus", []):
        attributes = [attribute_of(tier, at) for tier, at in zip(item.get("tier_variation", []), sku.get("tier_index", []))]
        if attributes:
            sku["sales_attributes"] = attributes
    if not item.get("skus") and item.get("has_model") is not True:
        sku = {name: item.pop(name) for name in ("price", "price_info", "inventory", "shopee_stock", "total_available_stock",
                                                 "total_reserved_stock", "identifier_code") if name in item}
        if "item_sku" in item:
            sku["seller_sku"] = item["item_sku"]
        if sku:
            item["skus"] = [sku]
    return item


def finish_price(part):
    prices = part.pop("price_info", [])
    if prices and prices[0]:
        part["price"] = prices[0]
    if len(prices) >= 2:
        part["price_info"] = prices


def finish_image(item):
    image = item.pop("image", {})
    ids, urls = image.get("image_id_list", []), image.get("image_url_list", [])
    pictures = [{} for _ in range(max(len(ids), len(urls)))]
    for picture, uri in zip(pictures, ids):
        picture["uri"] = uri
    for picture, url in zip(pictures, urls):
        picture["urls"] = [url]
    if pictures:
        item["main_images"] = pictures
    if "extra" in image:
        item["image"] = {"extra": image["extra"]}


def attribute_of(tier, at):
    options = tier.get("option_list", [])
    attribute = {"name": tier["name"]} if "name" in tier else {}
    if 0 <= at < len(options) and "option" in options[at]:
        attribute["value_name"] = options[at]["option"]
    return attribute


ORDER_IN_TRACKING = {
    "tiktok": {"id": "order_id", "status": "order_status", "update_time": "update_time", "create_time": "create_time",
               "shipping_provider": "shipping_provider", "shipping_provider_id": "shipping_provider_id",
               "tracking_number": "tracking_number"},
    "shopee": {"order_sn": "order_sn", "order_status": "order_status", "update_time": "update_time",
               "create_time": "create_time", "shipping_carrier": "shipping_carrier"}}


def sorted_events(table, name, source):
    """Newest first; what has no time last. Sorted by the source's own times, which may be finer than the document's."""
    def when(event):
        try:
            value = (event or {}).get("update_time_millis" if "update_time_millis" in table["names"] else "update_time")
            return -int(as_count(value)) if value is not None and as_count(value) > 0 else 1
        except Invalid:
            return 1
    events = source.get(name)
    return dict(source, **{name: sorted(events, key=when)}) if events else source


def tracking(platform, body):
    """body: the simulator's, which holds the whole order beside the packages."""
    source = {to: body["order"][name] for name, to in ORDER_IN_TRACKING[platform].items() if name in body["order"]}
    if platform == "tiktok":
        table = tables.TRACKING_TIKTOK
        source = sorted_events(table["lists"]["events"], "tracking", dict(source, packages=body["packages"], tracking=body["tracking"]))
    else:
        table = tables.TRACKING_SHOPEE
        source["package_list"] = [tracked_package(table, package, body["tracking"]) for package in body["packages"]]
    document = Converter(tables.TRACKING_ZERO).convert(table, source)
    for package in document.get("packages", []) if platform == "shopee" else []:
        if "package_status" not in package and "logistics_status" in package:
            package["package_status"] = package["logistics_status"]
    document["state"] = state_of(tables.ORDER_STATES, platform, document)
    return document


def tracked_package(table, package, infos):
    info = infos.get(package["package_number"]) or {}
    package = dict(package, **{k: v for k, v in info.items() if k in (
        "logistics_status", "tracking_info", "reversed_tracking_number", "reversed_tracking_info")})
    events = table["lists"]["packages"]["lists"]["events"]
    return sorted_events(events, "reversed_tracking_info", sorted_events(events, "tracking_info", package))


def transaction(platform, body):
    """None: no money has moved, so nothing is stored."""
    if platform == "tiktok":
        if not body.get("sku_transactions") and int(body.get("total_count") or 0) == 0:
            return None
        document = Converter(tables.TRANSACTION_ZERO).convert(tables.TRANSACTION_ORDER, body)
        kind = "order"
    else:
        document = Converter(tables.ESCROW_ZERO).convert(tables.TRANSACTION_ESCROW, body)
        kind = "escrow"
    document.update(transaction_kind=kind, transaction_id="%s:%s" % (kind, document["order_id"]))
    return document


def untimed(entry):
    """A tracking (document or wanted pair) without the times that every change of its order moves."""
    if isinstance(entry, tuple):
        return untimed(entry[0]), None
    packages = [{k: v for k, v in package.items() if k != "update_time"} for package in entry.get("packages", [])]
    return dict({k: v for k, v in entry.items() if k != "update_time"}, **({"packages": packages} if packages else {}))


def newest(body, times):
    return max([int(t) for t in times if t is not None] + [0]) * 1000


# Kind of the simulator: its document, the part of its _id after the shop, its version from the simulator's body.
MAKE = {
    "order": (order, lambda d: d["order_id"], lambda b: newest(b, [b.get("update_time")])),
    "return": (returned, lambda d: d["return_id"], lambda b: newest(b, [b.get("update_time")])),
    "cancellation": (cancellation, lambda d: d["return_id"], lambda b: newest(b, [b.get("update_time")])),
    "product": (product, lambda d: d["product_id"], lambda b: newest(b, [b.get("base", b).get("update_time")])),
    "tracking": (tracking, lambda d: d["order_id"],
                 lambda b: newest(b, [b["order"].get("update_time")] + [p.get("update_time") for p in b["packages"]])),
    "transaction": (transaction, lambda d: d["transaction_id"], lambda b: newest(b, [b.get("escrow_release_time")])),
}


def kind_of(sim_kind):
    return "return" if sim_kind == "cancellation" else sim_kind


def expected(row, channels):
    """(the document of one entity without the bookkeeping fields, its version), row as GET truth has it (load). None: it is
    stored nowhere."""
    platform, shop_id = row["platform"], str(row["shop_id"])
    make, entity_id, version = MAKE[row["kind"]]
    document = make(platform, row["body"])
    if document is None:
        return None
    document.update(_id="%s:%s:%s" % (platform, shop_id, entity_id(document)), platform=platform, shop_id=shop_id, is_valid=True)
    if channels.get(shop_id):
        document["channel_id"] = channels[shop_id]
    return document, version(row["body"])


# ---------------------------------------------------------------- which entities a push names

PRODUCT_TOPICS = {"tiktok": {5, 15, 16, 18, 27, 37}, "shopee": {7, 8, 9, 16, 22, 27}}
# A parcel moves or comes to rest: the order's tracking has changed as well (TikTok has no topic for it).
TRACKED_STATUSES = {"PARTIALLY_SHIPPING", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED", "CANCEL", "CANCELLED"}


def named(platform, body):
    """{(kind, entity id)} of a push: what must be in MongoDB once it was accepted and the marketplace shows it."""
    push = load(body)
    data = push.get("data")
    data = load(data) if isinstance(data, str) else data
    if not isinstance(data, dict):
        return set()
    return named_tiktok(int(push["type"]), data) if platform == "tiktok" else named_shopee(int(push["code"]), data)


def named_tiktok(topic, data):
    if topic in PRODUCT_TOPICS["tiktok"]:
        return {("product", str(data["product_id"]))}
    if topic in (1, 2, 3):
        tracked = topic == 1 and data.get("order_status") in TRACKED_STATUSES
        return {("order", data["order_id"])} | ({("tracking", data["order_id"])} if tracked else set())
    if topic == 4:
        orders = [o for package in data["package_list"] for o in package["order_id_list"]]
        return {(kind, order_id) for order_id in orders for kind in ("order", "tracking")}
    if topic in (11, 12):
        return {("order", data["order_id"]), ("return", data["cancel_id" if topic == 11 else "return_id"])}
    if topic == 67:
        return {("order", item["main_order_id"]) for item in data["line_items"]}
    return set()


def named_shopee(code, data):
    order_id = str(data.get("ordersn") or data.get("order_sn") or "")
    if code in PRODUCT_TOPICS["shopee"]:
        return {("product", str(data["item_id"]))}
    if code in (3, 15):
        return {("order", order_id)}
    if code in (4, 30, 47):
        return {("order", order_id), ("tracking", order_id)}
    if code == 29:
        return {("return", str(data["return_sn"])), ("order", order_id)}
    return set()


# ---------------------------------------------------------------- comparing

def renamed_address(platform, body):
    """_id of the order whose address a push says has changed; None: it says something else. TikTok names no tracking there,
    though the time of the order moves, which the packages and the tracking show as theirs."""
    push = json.loads(body)
    if platform != "tiktok" or push.get("type") != 3:
        return None
    return "tiktok:%s:%s" % (push["shop_id"], push["data"]["order_id"])


def same(actual, wanted):
    """Equal in value and in BSON type."""
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and actual.keys() == wanted.keys() and all(same(actual[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(actual, list) and len(actual) == len(wanted) and all(map(same, actual, wanted))
    if isinstance(wanted, Int64):
        return isinstance(actual, Int64) and actual == wanted
    if isinstance(wanted, str):  # numbers kept as their text are texts there
        return type(actual) is str and actual == str(wanted)
    return type(actual) is type(wanted) and actual == wanted


def differences(actual, wanted, path=""):
    """Sentences naming each field that differs."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        found = []
        for key in sorted(set(wanted) | set(actual)):
            where = "%s.%s" % (path, key) if path else key
            if key not in actual:
                found.append("%s is missing, wanted %r" % (where, wanted[key]))
            elif key not in wanted:
                found.append("%s is there, not wanted: %r" % (where, actual[key]))
            else:
                found += differences(actual[key], wanted[key], where)
        return found
    if isinstance(wanted, list) and isinstance(actual, list) and len(actual) == len(wanted):
        return [d for i, (a, w) in enumerate(zip(actual, wanted)) for d in differences(a, w, "%s[%d]" % (path, i))]
    return [] if same(actual, wanted) else ["%s is %r, wanted %r" % (path, actual, wanted)]


def content(document):
    """A stored document without bookkeeping, as expected gives it."""
    return {key: value for key, value in document.items() if key not in BOOKKEEPING}


def check_bookkeeping(document, kind, version):
    """Sentences about bookkeeping fields that are wrong in themselves."""
    found = []
    if (version is not None and document.get("version") != version) or not isinstance(document.get("version"), Int64):
        found.append("version is %r, wanted %s" % (document.get("version"), version))
    prefix = "%s:%s:" % (document.get("platform"), document.get("shop_id"))
    key = "%s%s:%s:%s" % (prefix, document.get("channel_id", ""), kind, document["_id"][len(prefix):])
    if document.get("idempotency_key") != key:
        found.append("idempotency_key is %r, wanted %r" % (document.get("idempotency_key"), key))
    if not isinstance(document.get("fetched_ms"), Int64) or document["fetched_ms"] < 1_600_000_000_000:
        found.append("fetched_ms is %r" % document.get("fetched_ms"))
    if not re.fullmatch(r"[0-9a-f]{32}", document.get("content_hash", "")):
        found.append("content_hash is %r" % document.get("content_hash"))
    for name in ("details_fetched_at", "synced_at", "first_seen"):
        if not re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", document.get(name, "")):
            found.append("%s is %r" % (name, document.get(name)))
    for name in ("source", "trace"):
        if not document.get(name):
            found.append("%s is missing" % name)
    has_money = "transactions_fetched_ms" in document
    if has_money and (kind != "order" or not isinstance(document["transactions_fetched_ms"], Int64)):
        found.append("transactions_fetched_ms is %r" % document["transactions_fetched_ms"])
    return found


def compare(kind, documents, wanted, required):
    """Compares a collection with the marketplaces' state.

    documents: {_id: document} of MongoDB. wanted: {_id: (document, version)} of all the marketplaces serve, see expected().
    required: the _ids that must be there. A tombstone must be one of an entity that is not served any more, and every document
    that is none must equal what is served. Returns sentences; empty means MongoDB equals the marketplaces.
    """
    found = []
    for _id in sorted(set(required) - set(documents)):
        found.append("%s %s is not in MongoDB" % (kind, _id))
    for _id, actual in documents.items():
        if "deleted_at" in actual:
            if _id in wanted:
                found.append("%s %s is a tombstone, the marketplace serves it" % (kind, _id))
            continue
        if _id not in wanted:
            found.append("%s %s is in MongoDB, the marketplace does not know it" % (kind, _id))
            continue
        document, version = wanted[_id]
        problems = differences(content(actual), document) + check_bookkeeping(actual, kind, version)
        found += ["%s %s: %s" % (kind, _id, p) for p in problems[:5]]
    return found
