"""truth.py - what MongoDB must hold, worked out independently of the product.

Input is the simulator's own state (GET /_sim/orders: each order exactly as the marketplace serves it now); output is the
document worker/dto/README.md promises. Nothing here is shared with common/ or worker/: the field lists below were written from
the platform's description, not from the product's tables.
"""

import datetime
import decimal
import json
import re

from bson.decimal128 import Decimal128
from bson.int64 import Int64

# Fields that say when and how a document was written, not what it holds.
BOOKKEEPING = {
    "fetched_ms", "details_fetched_at", "synced_at", "first_seen", "trace", "source", "content_hash", "idempotency_key", "version", "transactions_fetched_ms",
}
# What may differ between two passes over the same events.
PASS_FIELDS = {"fetched_ms", "details_fetched_at", "synced_at", "trace"}

STATES = {
    "UNPAID": "unpaid", "ON_HOLD": "on_hold", "AWAITING_SHIPMENT": "ready_to_ship", "PARTIALLY_SHIPPING": "ready_to_ship",
    "AWAITING_COLLECTION": "awaiting_collection", "IN_TRANSIT": "shipped", "DELIVERED": "delivered", "COMPLETED": "completed",
    "CANCELLED": "cancelled", "CANCEL": "cancelled",
}


class Number(str):
    """A JSON number, kept as its text."""


def words(text):
    return text.split()


ZERO_IDS = set(words("warehouse_id package_id replaced_order_id exchange_source_order_id shipping_provider_id delivery_option_id"))

DISTRICT = {"text": words("address_level address_level_name address_name")}
ADDRESS = {
    "text": words("full_address name first_name last_name phone_number region_code postal_code address_detail address_line1"
                  " address_line2 address_line3 address_line4"),
    "lists": {"district_info": DISTRICT},
    "objects": {"delivery_preferences": {"text": ["drop_off_location"]}},
}
LINE_TEXT = words(
    "sku_id product_id product_name sku_name sku_image seller_sku sku_type display_status cancel_user cancel_reason currency"
    " package_id package_status shipping_provider_id shipping_provider_name tracking_number")
LINE_MONEY = words("original_price sale_price seller_discount platform_discount gift_retail_price buyer_service_fee")
TAX = {"text": ["tax_type"], "money": words("tax_amount tax_rate")}
COMBINED = {"text": words("sku_id product_id seller_sku"), "count": ["sku_count"]}
LINE = {
    "rename": {"id": "line_item_id"},
    "text": LINE_TEXT,
    "money": LINE_MONEY,
    "time": ["rts_time"],
    "count": ["handling_duration_days"],
    "flag": words("is_gift is_dangerous_good needs_prescription"),
    "lists": {"item_tax": TAX, "combined_listing_skus": COMBINED},
}
SUB_ITEM = dict(LINE, text=LINE_TEXT + ["warehouse_id"], lists=dict(LINE["lists"]))
LINE["lists"] = dict(LINE["lists"], sub_item_info=SUB_ITEM)

PAYMENT = {
    "text": ["currency"],
    "money": words(
        "total_amount sub_total original_total_product_price seller_discount platform_discount shipping_fee original_shipping_fee"
        " shipping_fee_seller_discount shipping_fee_platform_discount shipping_fee_cofunded_discount tax product_tax"
        " shipping_fee_tax handling_fee buyer_service_fee shipping_insurance_fee item_insurance_fee item_insurance_tax"
        " payment_platform_discount"),
}
ORDER = {
    "rename": {"id": "order_id"},
    "text": words(
        "user_id status buyer_email buyer_message seller_note cancel_reason cancellation_initiator order_type commerce_platform"
        " shipping_type shipping_provider shipping_provider_id tracking_number delivery_type delivery_option_id"
        " delivery_option_name fulfillment_type warehouse_id split_or_combine_tag payment_method_name replaced_order_id"
        " exchange_source_order_id"),
    "time": words(
        "create_time update_time paid_time rts_time collection_time delivery_time cancel_time request_cancel_time release_date"
        " rts_sla_time tts_sla_time cancel_order_sla_time delivery_sla_time shipping_due_time collection_due_time"
        " delivery_due_time delivery_option_required_delivery_time pick_up_cut_off_time fast_dispatch_sla_time"
        " recommended_shipping_time"),
    "flag": words(
        "is_cod is_sample_order is_on_hold_order is_buyer_request_cancel is_replacement_order is_exchange_order"
        " has_updated_recipient_address is_subscription_order"),
    "count": ["fulfillment_priority_level"],
    "objects": {
        "handling_duration": {"text": ["type"], "count": ["days"]},
        "payment": PAYMENT,
        "recipient_address": ADDRESS,
    },
    "lists": {"packages": {"rename": {"id": "package_id"}}, "line_items": LINE},
}


class Invalid(Exception):
    pass


def as_text(name, value):
    if isinstance(value, (bool, dict, list)):
        raise Invalid(name)
    if value in ("", None) or (value == "0" and name in ZERO_IDS):
        return None
    return str(value)


def as_money(name, value):
    if isinstance(value, (bool, dict, list)) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", str(value) or "x"):
        raise Invalid(name)
    with decimal.localcontext(decimal.Context(prec=60)) as context:
        number = context.create_decimal(str(value))
    if len(number.as_tuple().digits) > 34:
        raise Invalid(name)
    return Decimal128(str(number))


def as_time(name, value):
    seconds = as_count(name, value)
    if seconds == 0:
        return None
    if not 946684800 <= seconds < 4102444800:
        raise Invalid(name)
    zone = datetime.timezone(datetime.timedelta(hours=7))
    return datetime.datetime.fromtimestamp(seconds, zone).isoformat()


def as_count(name, value):
    if isinstance(value, (bool, dict, list)) or not re.fullmatch(r"-?[0-9]+", str(value)):
        raise Invalid(name)
    return Int64(int(value))


def as_flag(name, value):
    if not isinstance(value, bool):
        raise Invalid(name)
    return value


def as_extra(value):
    if isinstance(value, Number):
        if re.fullmatch(r"-?[0-9]+", value) and -2**63 <= int(value) < 2**63:
            return Int64(int(value))
        try:
            return as_money("", value)
        except Invalid:
            return str(value)
    if isinstance(value, dict):
        return {key: as_extra(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_extra(item) for item in value]
    return value


CONVERT = {"text": as_text, "money": as_money, "time": as_time, "count": as_count, "flag": as_flag}


def convert(table, source):
    """One object of the source as the document's part. Raises Invalid for what cannot be converted."""
    part, extra = {}, {}
    kinds = {name: kind for kind in CONVERT for name in table.get(kind, [])}
    for name, value in source.items():
        if name in table.get("rename", {}):
            if value not in ("", None):
                part[table["rename"][name]] = str(value)
        elif name in kinds:
            if value is None or value == "":
                continue
            result = CONVERT[kinds[name]](name, value)
            if result is not None:
                part[name] = result
        elif name in table.get("objects", {}):
            if value is not None:
                inner = convert(table["objects"][name], value)
                if inner:
                    part[name] = inner
        elif name in table.get("lists", {}):
            if value:
                part[name] = [convert(table["lists"][name], item) for item in value]
        else:
            extra[name] = as_extra(value)
    if extra:
        part["extra"] = extra
    return part


def load(text):
    """JSON with every number kept as its text."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def expected_order(shop_id, channel_id, order):
    """The document of one order without the bookkeeping fields; order as load() gives it."""
    document = convert(ORDER, order)
    document.update(
        _id="tiktok:%s:%s" % (shop_id, order["id"]), platform="tiktok", shop_id=shop_id,
        state=STATES.get(order.get("status"), "unknown"), is_valid=True)
    if channel_id:
        document["channel_id"] = channel_id
    return document


def same(actual, wanted):
    """Equal in value and in BSON type."""
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and actual.keys() == wanted.keys() and all(same(actual[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(actual, list) and len(actual) == len(wanted) and all(map(same, actual, wanted))
    if isinstance(wanted, Int64):
        return isinstance(actual, Int64) and actual == wanted
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
    """A stored document without bookkeeping, as expected_order gives it."""
    return {key: value for key, value in document.items() if key not in BOOKKEEPING}


def check_bookkeeping(document, channel_id, order):
    """Sentences about bookkeeping fields that are wrong in themselves."""
    found = []
    version = int(order["update_time"]) * 1000
    if document.get("version") != version or not isinstance(document.get("version"), Int64):
        found.append("version is %r, wanted %d" % (document.get("version"), version))
    key = "tiktok:%s:%s:order:%s" % (document.get("shop_id"), channel_id or "", document.get("order_id"))
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
    return found


def compare(orders, served, channels):
    """Compares a collection with the simulator's state.

    orders: {_id: document} of MongoDB. served: lines of GET /_sim/orders (text). channels: {shop_id: channel_id}.
    Returns sentences; empty means MongoDB equals the marketplace.
    """
    found, seen = [], set()
    for line in served:
        row = load(line)
        shop_id, order = str(row["shop_id"]), row["order"]
        wanted = expected_order(shop_id, channels.get(shop_id), order)
        actual = orders.get(wanted["_id"])
        seen.add(wanted["_id"])
        if actual is None:
            found.append("%s is not in MongoDB" % wanted["_id"])
            continue
        problems = differences(content(actual), wanted) + check_bookkeeping(actual, channels.get(shop_id), order)
        found += ["%s: %s" % (wanted["_id"], p) for p in problems[:5]]
    found += ["%s is in MongoDB, the marketplace does not know it" % _id for _id in sorted(set(orders) - seen)]
    return found
