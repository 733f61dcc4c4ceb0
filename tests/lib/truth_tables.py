"""truth_tables.py - the documents worker/dto/README.md promises, as tables for truth.py.

Written from that README and the platforms' descriptions, not from the product's tables. A table describes one object:

    text id flag count money time millis word texts counts raw    names of fields in the document, by type
    parts, lists      {name in the document: table} of objects and of arrays of objects
    names             {key of the source: name in the document, or "part.name" where it moves down}
    both              keys of the source that some other key is renamed to, and that count under their own name as well
    up                {key of the source: names} of objects that are dissolved
    trim              text fields that lose white space at both ends
    open              a breakdown: numbers in its extra are amounts

A name that only renamed keys lead to is no key of the source.
"""


def table(names=None, parts=None, lists=None, up=None, both="", opened=False, trim="", **kinds):
    """Fields by type as texts of names, such as text="a b"."""
    return {"fields": {name: kind for kind, listed in kinds.items() for name in listed.split()}, "names": names or {},
            "parts": parts or {}, "lists": lists or {}, "up": up or {}, "both": set(both.split()), "open": opened,
            "trim": set(trim.split())}


# ---------------------------------------------------------------- orders

ORDER_STATES = {
    "tiktok": {
        "UNPAID": "unpaid", "ON_HOLD": "on_hold", "AWAITING_SHIPMENT": "ready_to_ship", "PARTIALLY_SHIPPING": "ready_to_ship",
        "AWAITING_COLLECTION": "awaiting_collection", "IN_TRANSIT": "shipped", "DELIVERED": "delivered",
        "COMPLETED": "completed", "CANCELLED": "cancelled", "CANCEL": "cancelled"},
    "shopee": {
        "UNPAID": "unpaid", "PENDING": "on_hold", "INVOICE_PENDING": "on_hold", "READY_TO_SHIP": "ready_to_ship",
        "RETRY_SHIP": "ready_to_ship", "PROCESSED": "awaiting_collection", "SHIPPED": "shipped",
        "TO_CONFIRM_RECEIVE": "delivered", "COMPLETED": "completed", "IN_CANCEL": "cancelling", "CANCELLED": "cancelled",
        "TO_RETURN": "returning"}}

ORDER_ZERO = set("warehouse_id package_id replaced_order_id exchange_source_order_id shipping_provider_id delivery_option_id"
                 " sku_id add_on_deal_id promotion_id promotion_group_id logistics_channel_id group_shipment_id".split())

_SUB_ITEM = table(
    names={"id": "line_item_id"},
    text="sku_id product_id product_name sku_name sku_image seller_sku sku_type display_status cancel_user cancel_reason"
         " currency package_id package_status shipping_provider_id shipping_provider_name tracking_number warehouse_id",
    id="line_item_id",
    money="original_price sale_price seller_discount platform_discount gift_retail_price buyer_service_fee",
    time="rts_time", count="handling_duration_days", flag="is_gift is_dangerous_good needs_prescription",
    lists={"item_tax": table(text="tax_type", money="tax_amount tax_rate"),
           "combined_listing_skus": table(text="sku_id product_id seller_sku", count="sku_count")})
_LINE = dict(_SUB_ITEM, fields={k: v for k, v in _SUB_ITEM["fields"].items() if k != "warehouse_id"},
             lists=dict(_SUB_ITEM["lists"], sub_item_info=_SUB_ITEM))

ORDER_TIKTOK = table(
    names={"id": "order_id"}, id="order_id",
    text="user_id status buyer_email buyer_message seller_note cancel_reason cancellation_initiator order_type"
         " commerce_platform shipping_type shipping_provider shipping_provider_id tracking_number delivery_type"
         " delivery_option_id delivery_option_name fulfillment_type warehouse_id split_or_combine_tag payment_method_name"
         " replaced_order_id exchange_source_order_id",
    time="create_time update_time paid_time rts_time collection_time delivery_time cancel_time request_cancel_time"
         " release_date rts_sla_time tts_sla_time cancel_order_sla_time delivery_sla_time shipping_due_time"
         " collection_due_time delivery_due_time delivery_option_required_delivery_time pick_up_cut_off_time"
         " fast_dispatch_sla_time recommended_shipping_time",
    flag="is_cod is_sample_order is_on_hold_order is_buyer_request_cancel is_replacement_order is_exchange_order"
         " has_updated_recipient_address is_subscription_order",
    count="fulfillment_priority_level",
    parts={
        "handling_duration": table(text="type", count="days"),
        "payment": table(
            text="currency",
            money="total_amount sub_total original_total_product_price seller_discount platform_discount shipping_fee"
                  " original_shipping_fee shipping_fee_seller_discount shipping_fee_platform_discount"
                  " shipping_fee_cofunded_discount tax product_tax shipping_fee_tax handling_fee buyer_service_fee"
                  " shipping_insurance_fee item_insurance_fee item_insurance_tax payment_platform_discount"),
        "recipient_address": table(
            text="full_address name first_name last_name phone_number region_code postal_code address_detail address_line1"
                 " address_line2 address_line3 address_line4",
            lists={"district_info": table(text="address_level address_level_name address_name")},
            parts={"delivery_preferences": table(text="drop_off_location")})},
    lists={"packages": table(names={"id": "package_id"}, id="package_id"), "line_items": _LINE})

ORDER_SHOPEE = table(
    names={
        "order_sn": "order_id", "order_status": "status", "buyer_user_id": "user_id", "message_to_seller": "buyer_message",
        "note": "seller_note", "cod": "is_cod", "pay_time": "paid_time", "pickup_done_time": "collection_time",
        "ship_by_date": "rts_sla_time", "payment_method": "payment_method_name", "shipping_carrier": "shipping_provider",
        "cancel_by": "cancellation_initiator", "fulfillment_flag": "fulfillment_type",
        "days_to_ship": "handling_duration.days", "currency": "payment.currency", "total_amount": "payment.total_amount",
        "estimated_shipping_fee": "payment.estimated_shipping_fee", "actual_shipping_fee": "payment.actual_shipping_fee",
        "reverse_shipping_fee": "payment.reverse_shipping_fee", "item_list": "line_items", "package_list": "packages"},
    id="order_id",
    text="status user_id buyer_message seller_note cancel_reason cancellation_initiator shipping_provider fulfillment_type"
         " payment_method_name region booking_sn buyer_username buyer_cancel_reason checkout_shipping_carrier buyer_cpf_id"
         " dropshipper dropshipper_phone",
    texts="pending_terms",
    time="create_time update_time paid_time collection_time rts_sla_time note_update_time return_request_due_date edt_from"
         " edt_to",
    flag="is_cod actual_shipping_fee_confirmed goods_to_declare split_up advance_package can_full_cancel_order"
         " can_partial_cancel_order",
    count="order_chargeable_weight_gram", raw="invoice_data payment_info",
    parts={
        "handling_duration": table(count="days"),
        "payment": table(text="currency",
                         money="total_amount estimated_shipping_fee actual_shipping_fee reverse_shipping_fee"),
        "recipient_address": table(
            names={"phone": "phone_number", "region": "region_code", "zipcode": "postal_code"},
            text="full_address name phone_number region_code postal_code state city district town")},
    lists={
        "line_items": table(
            names={"item_id": "product_id", "model_id": "sku_id", "item_name": "product_name", "model_name": "sku_name",
                   "model_sku": "seller_sku", "model_quantity_purchased": "quantity",
                   "model_original_price": "original_price", "model_discounted_price": "sale_price"},
            up={"image_info": {"image_url": "sku_image"}},
            text="line_item_id order_item_id sku_id product_id product_name sku_name sku_image seller_sku item_sku"
                 " add_on_deal_id promotion_id promotion_group_id promotion_type currency",
            money="original_price sale_price weight",
            count="quantity active_qty cancel_requested_qty cancelled_qty return_requested_qty returned_qty",
            flag="wholesale add_on_deal main_item", texts="product_location_id",
            lists={"promotion_list": table(text="promotion_type promotion_id")}),
        "packages": table(
            names={"package_number": "package_id", "logistics_status": "package_status",
                   "shipping_carrier": "shipping_provider_name", "parcel_chargeable_weight": "parcel_chargeable_weight_gram",
                   "item_list": "line_items"},
            both="parcel_chargeable_weight_gram",
            text="package_id package_status shipping_provider_name logistics_channel_id group_shipment_id",
            count="parcel_chargeable_weight_gram", flag="allow_self_design_awb",
            lists={"line_items": table(
                names={"item_id": "product_id", "model_id": "sku_id", "model_quantity": "quantity"},
                text="product_id sku_id order_item_id promotion_group_id", count="quantity", texts="product_location_id")})})

# ---------------------------------------------------------------- returns

RETURN_ZERO = set("sku_id add_on_deal_id warehouse_id shipping_provider_id pre_return_id next_return_id combined_return_id"
                  " activity_id".split())

RETURN_STATES = {
    "tiktok": {
        **dict.fromkeys("RETURN_OR_REFUND_REQUEST_PENDING REPLACEMENT_REQUEST_PENDING CANCELLATION_REQUEST_PENDING"
                        " AWAITING_BUYER_RESPONSE".split(), "requested"),
        **dict.fromkeys("AWAITING_BUYER_SHIP RETURN_OR_REFUND_REQUEST_SUCCESS REPLACEMENT_REQUEST_SUCCESS"
                        " REPLACEMENT_REQUEST_REFUND_SUCCESS CANCELLATION_REQUEST_SUCCESS".split(), "approved"),
        "BUYER_SHIPPED_ITEM": "in_transit",
        **dict.fromkeys("REFUND_OR_RETURN_REQUEST_REJECT RETURN_OR_REFUND_REQUEST_REJECT REPLACEMENT_REQUEST_REJECT"
                        " CANCELLATION_REQUEST_REJECT REJECT_RECEIVE_PACKAGE".split(), "rejected"),
        **dict.fromkeys("RETURN_OR_REFUND_REQUEST_CANCEL REPLACEMENT_REQUEST_CANCEL CANCELLATION_REQUEST_CANCEL"
                        " RETURN_OR_REFUND_REQUEST_CANCELLED REPLACEMENT_REQUEST_CANCELLED CANCELLATION_REQUEST_CANCELLED"
                        " RETURN_OR_REFUND__REQUEST_CANCELLED".split(), "cancelled"),
        **dict.fromkeys("RETURN_OR_REFUND_REQUEST_COMPLETE REPLACEMENT_REQUEST_COMPLETE"
                        " CANCELLATION_REQUEST_COMPLETE".split(), "completed")},
    "shopee": {"REQUESTED": "requested", "ACCEPTED": "approved", "PROCESSING": "approved", "JUDGING": "disputed",
               "SELLER_DISPUTE": "disputed", "CANCELLED": "cancelled", "CLOSED": "completed"}}

_REFUND = table(text="currency",
                money="refund_total refund_subtotal refund_shipping_fee refund_tax retail_delivery_fee buyer_service_fee")
_IMAGE = table(text="url", count="width height")
_ACTION = table(text="action", time="deadline")


def _return_line(prefix):
    """Lines of returns ("return") and of cancellations ("cancel"), which differ in the names of their ids."""
    text = "return_line_item_id order_line_item_id sku_id product_name sku_name seller_sku"
    parts = {"product_image": _IMAGE, "refund_amount": _REFUND}
    renamed, renamed_sub = {}, {}
    if prefix == "cancel":
        renamed = {"cancel_line_item_id": "return_line_item_id"}
        renamed_sub = dict(renamed, cancel_sub_line_item_id="return_sub_line_item_id")
    sub = table(names=renamed_sub, text=text + " return_sub_line_item_id sub_order_line_item_id", parts=parts)
    return table(names=dict(renamed, **{prefix + "_sub_line_items": "sub_line_items"}), text=text, parts=parts,
                 lists={"sub_line_items": sub})


RETURN_TIKTOK = table(
    names={"return_status": "status", "return_reason": "reason", "return_reason_text": "reason_text",
           "return_tracking_number": "tracking_number", "return_provider_name": "shipping_provider_name",
           "return_provider_id": "shipping_provider_id", "return_line_items": "line_items"},
    text="return_id order_id status return_type seller_proposed_return_type arbitration_status role reason reason_text"
         " shipment_type handover_method return_method return_shipping_document_type tracking_number"
         " shipping_provider_name shipping_provider_id pre_return_id next_return_id combined_return_id",
    time="create_time update_time",
    flag="can_buyer_keep_item is_combined_return buyer_rejected_partial_refund is_quick_refund",
    parts={"refund_amount": _REFUND, "partial_refund": table(text="currency", money="amount"),
           "return_warehouse_address": table(text="full_address")},
    lists={
        "discount_amount": table(text="currency", money="product_seller_discount product_platform_discount"
                                                        " shipping_fee_seller_discount shipping_fee_platform_discount"),
        "shipping_fee_amount": table(text="currency", money="seller_paid_return_shipping_fee"
                                     " platform_paid_return_shipping_fee buyer_paid_return_shipping_fee"),
        "seller_next_action_response": _ACTION, "line_items": _return_line("return")})

CANCELLATION_TIKTOK = table(
    names={"cancel_id": "return_id", "cancel_status": "status", "cancel_reason": "reason",
           "cancel_reason_text": "reason_text", "cancel_line_items": "line_items"},
    text="return_id order_id status cancel_type role reason reason_text", time="create_time update_time",
    flag="should_replenish_stock", parts={"refund_amount": _REFUND},
    lists={"seller_next_action_response": _ACTION, "line_items": _return_line("cancel")})

RETURN_SHOPEE = table(
    names={"return_sn": "return_id", "order_sn": "order_id", "text_reason": "reason_text",
           "refund_amount": "refund_amount.refund_total", "currency": "refund_amount.currency",
           "amount_before_discount": "refund_amount.amount_before_discount",
           "reverse_logistic_status": "reverse_logistics_status", "reverse_logistics_channel_name": "shipping_provider_name",
           "return_address": "return_warehouse_address", "item": "line_items"},
    both="reverse_logistics_status",
    text="return_id order_id status reason reason_text reassessed_request_reason return_refund_type validation_type"
         " tracking_number logistics_status reverse_logistics_status shipping_provider_name",
    word="return_solution return_refund_request_type is_arrived_at_warehouse",
    texts="image dispute_reason dispute_text_reason",
    time="create_time update_time due_date return_ship_due_date return_seller_due_date",
    flag="needs_logistics is_seller_arrange is_shipping_proof_mandatory", raw="return_pickup_address buyer_videos",
    parts={
        "refund_amount": table(text="currency", money="refund_total amount_before_discount"),
        "return_warehouse_address": table(names={"whs_id": "warehouse_id"}, text="warehouse_id"),
        "user": table(text="username email portrait"),
        "negotiation": table(text="negotiation_status latest_solution latest_offer_creator", money="latest_offer_amount",
                             count="counter_limit", time="offer_due_date"),
        "seller_proof": table(text="seller_proof_status", time="seller_evidence_deadline"),
        "seller_compensation": table(text="seller_compensation_status", time="seller_compensation_due_date",
                                     money="compensation_amount")},
    lists={
        "activity": table(text="activity_id", money="original_price discounted_price", raw="items"),
        "follow_up_action_list": table(names={"item_id": "product_id", "model_id": "sku_id", "qty": "quantity"},
                                       text="product_id sku_id current_status", count="quantity"),
        "line_items": table(
            names={"item_id": "product_id", "model_id": "sku_id", "name": "product_name", "variation_sku": "seller_sku",
                   "amount": "quantity", "refund_amount": "refund_amount.refund_total"},
            text="product_id sku_id product_name seller_sku item_sku add_on_deal_id currency", texts="images",
            count="quantity", money="item_price", flag="is_add_on_deal is_main_item",
            parts={"refund_amount": table(text="currency", money="refund_total")})})

# ---------------------------------------------------------------- products

PRODUCT_ZERO = set("sku_id category_id parent_id brand_id warehouse_id promotion_id".split())

PRODUCT_STATES = {
    "tiktok": {"ACTIVATE": "active", "DRAFT": "draft", "PENDING": "reviewing", "FAILED": "rejected",
               "SELLER_DEACTIVATED": "inactive", "PLATFORM_DEACTIVATED": "banned", "FREEZE": "banned", "DELETED": "deleted"},
    "shopee": {"NORMAL": "active", "REVIEWING": "reviewing", "UNLIST": "inactive", "BANNED": "banned",
               "SELLER_DELETE": "deleted", "SHOPEE_DELETE": "deleted"}}

_PICTURE = table(text="uri", count="width height", texts="urls thumb_urls")
_WEIGHT = table(money="value", text="unit")
_SIZE = table(money="length width height", text="unit")

PRODUCT_TIKTOK = table(
    names={"id": "product_id"},
    text="product_id status title description product_status external_product_id", texts="product_types sales_regions",
    time="create_time update_time", flag="is_cod_allowed is_not_for_sale is_pre_owned is_replicated has_draft",
    count="minimum_order_quantity",
    parts={
        "brand": table(names={"id": "brand_id"}, text="brand_id name"),
        "video": table(names={"id": "video_id"}, text="video_id url cover_url"),
        "package_dimensions": _SIZE, "package_weight": _WEIGHT,
        "audit": table(text="status", texts="pre_approved_reasons")},
    lists={
        "category_chains": table(names={"id": "category_id"}, text="category_id parent_id local_name", flag="is_leaf"),
        "recommended_categories": table(names={"id": "category_id"}, text="category_id local_name"),
        "main_images": _PICTURE,
        "product_attributes": table(names={"id": "attribute_id"}, text="attribute_id name",
                                    lists={"values": table(names={"id": "value_id"}, text="value_id name")}),
        "delivery_options": table(names={"id": "delivery_option_id"}, text="delivery_option_id name", flag="is_available"),
        "audit_failed_reasons": table(text="position listing_platform", texts="reasons suggestions"),
        "skus": table(
            names={"id": "sku_id"}, text="sku_id seller_sku external_sku_id", money="sku_unit_count", raw="pre_sale",
            parts={
                "price": table(text="currency", money="sale_price tax_exclusive_price unit_price"),
                "list_price": table(text="currency", money="amount"),
                "status_info": table(text="status deactivation_source"),
                "identifier_code": table(text="code type")},
            lists={
                "inventory": table(text="warehouse_id", count="quantity backorder_quantity handling_time"),
                "fees": table(text="type additional_attribute", money="amount"),
                "sales_attributes": table(names={"id": "attribute_id"}, text="attribute_id value_id name value_name",
                                          parts={"sku_img": _PICTURE}),
                "combined_skus": table(text="product_id sku_id seller_sku title", count="sku_count")})})

_PRICE_SHOPEE = table(names={"current_price": "sale_price"}, text="currency",
                      money="sale_price original_price local_price local_promotion_price")
# What an item and each of its models have in common.
_SHOPEE_NAMES = {"weight": "package_weight.value", "gtin_code": "identifier_code.code", "dimension": "package_dimensions"}
_SHOPEE_UP = {"stock_info_v2": {
    "summary_info": {"total_available_stock": "total_available_stock", "total_reserved_stock": "total_reserved_stock"},
    "seller_stock": "inventory", "shopee_stock": "shopee_stock"}}
_SHOPEE_PARTS = {
    "package_weight": _WEIGHT,
    "package_dimensions": table(names={"package_length": "length", "package_width": "width", "package_height": "height"},
                                money="length width height", text="unit"),
    "pre_order": table(flag="is_pre_order", count="days_to_ship"),
    "identifier_code": table(text="code type")}
_SHOPEE_LISTS = {
    "price_info": _PRICE_SHOPEE,
    "inventory": table(names={"location_id": "warehouse_id", "stock": "quantity", "if_saleable": "is_saleable"},
                       text="warehouse_id", count="quantity", flag="is_saleable"),
    "shopee_stock": table(names={"location_id": "warehouse_id", "stock": "quantity"}, text="warehouse_id", count="quantity")}
_SHOPEE_COUNTS = "total_available_stock total_reserved_stock"

PRODUCT_SHOPEE = table(
    names=dict(_SHOPEE_NAMES, item_id="product_id", item_status="status", item_name="title", model="skus"),
    up=_SHOPEE_UP,
    text="product_id status title description description_type item_sku condition category_id", word="item_dangerous",
    time="create_time update_time scheduled_publish_time", flag="has_model has_promotion is_fulfillment_by_shopee",
    wordflag="deboost", count=_SHOPEE_COUNTS,
    raw="attribute_list logistic_info wholesales video_info tag tax_info description_info purchase_limit_info"
        " certification_info standardise_tier_variation",
    parts=dict(_SHOPEE_PARTS, brand=table(names={"original_brand_name": "name"}, text="brand_id name"),
               image=table(texts="image_id_list image_url_list")),
    lists=dict(_SHOPEE_LISTS,
               tier_variation=table(text="name", lists={"option_list": table(text="option", raw="image")}),
               skus=table(names=dict(_SHOPEE_NAMES, model_id="sku_id", model_sku="seller_sku",
                                     model_status="status_info.status"),
                          up=_SHOPEE_UP, text="sku_id seller_sku promotion_id", flag="has_promotion", counts="tier_index",
                          count=_SHOPEE_COUNTS, parts=dict(_SHOPEE_PARTS, status_info=table(text="status")),
                          lists=_SHOPEE_LISTS)))

# ---------------------------------------------------------------- tracking

TRACKING_ZERO = set("shipping_provider_id delivery_option_id logistics_channel_id group_shipment_id sku_id"
                    " promotion_group_id".split())

_ADDRESS_TEXT = ("full_address name phone_number region_code postal_code state city district town address_detail"
                 " address_line1 address_line2 address_line3 address_line4")
_PACKAGE_TEXT = ("package_id package_status shipping_provider_name shipping_provider_id tracking_number order_id"
                 " package_sub_status logistics_status"
                 " ship_exception_reason split_and_combine_tag note_tag shipping_type delivery_option_id"
                 " delivery_option_name handover_method last_mile_tracking_number reversed_tracking_number"
                 " logistics_channel_id group_shipment_id")
_PACKAGE_TIMES = "create_time update_time rts_sla_time collection_time"


def _items(names):
    return table(names=names, text="product_id sku_id order_item_id promotion_group_id sku_name sku_image", count="quantity",
                 texts="product_location_id")


def _events(names, **more):
    return table(names=names, text="status return_code description", count="code", **more)


TRACKING_TIKTOK = table(
    names={"order_status": "status", "tracking": "events"},
    text="order_id status shipping_provider shipping_provider_id tracking_number", time="create_time update_time",
    lists={
        "events": _events({"update_time_millis": "time", "action_code": "code"}, millis="time"),
        "packages": table(
            text=_PACKAGE_TEXT, time=_PACKAGE_TIMES, flag="has_multi_skus is_split_up", texts="order_line_item_ids",
            trim="package_status package_sub_status ship_exception_reason shipping_type split_and_combine_tag note_tag"
                 " handover_method",
            parts={"pickup_slot": table(time="start_time end_time"), "recipient_address": table(text=_ADDRESS_TEXT),
                   "sender_address": table(text=_ADDRESS_TEXT), "weight": _WEIGHT, "dimension": _SIZE, "insurance": table()},
            lists={"orders": table(names={"id": "order_id", "skus": "line_items"}, text="order_id",
                                   lists={"line_items": _items({"id": "sku_id", "name": "sku_name",
                                                                "image_url": "sku_image"})})})})

TRACKING_SHOPEE = table(
    names={"order_sn": "order_id", "order_status": "status", "shipping_carrier": "shipping_provider",
           "package_list": "packages"},
    text="order_id status shipping_provider", time="create_time update_time",
    lists={"packages": table(
        names={"package_number": "package_id", "fulfillment_status": "package_status", "order_sn": "order_id",
               "shipping_carrier": "shipping_provider_name", "ship_by_date": "rts_sla_time",
               "pickup_done_time": "collection_time", "parcel_chargeable_weight": "parcel_chargeable_weight_gram",
               "item_list": "line_items", "tracking_info": "events", "reversed_tracking_info": "reversed_events"},
        both="parcel_chargeable_weight_gram",
        text=_PACKAGE_TEXT, time=_PACKAGE_TIMES, flag="has_multi_skus is_split_up allow_self_design_awb",
        count="parcel_chargeable_weight_gram", texts="order_line_item_ids",
        parts={"recipient_address": table(
            names={"phone": "phone_number", "region": "region_code", "zipcode": "postal_code"}, text=_ADDRESS_TEXT)},
        lists={
            "line_items": _items({"item_id": "product_id", "model_id": "sku_id", "model_quantity": "quantity"}),
            "events": _events({"update_time": "time", "logistics_status": "status"}, time="time"),
            "reversed_events": _events({"update_time": "time", "logistics_status": "status"}, time="time")})})

# ---------------------------------------------------------------- transactions

_BREAKDOWNS = {
    "revenue_breakdown": table(opened=True, money="subtotal_before_discount_amount refund_subtotal_before_discount_amount"
                               " seller_discount_amount seller_discount_refund_amount"),
    "shipping_cost_breakdown": table(opened=True, money="actual_shipping_fee_amount shipping_fee_discount_amount"
                                     " customer_paid_shipping_fee_amount return_shipping_fee_amount"),
    "fee_tax_breakdown": table(opened=True, parts={
        "fee": table(opened=True, money="platform_commission_amount transaction_fee_amount affiliate_commission_amount"
                     " sfp_service_fee_amount voucher_xtra_service_fee_amount flash_sales_service_fee_amount"
                     " dynamic_commission_amount vn_fix_infrastructure_fee"),
        "tax": table(opened=True, money="vat_amount pit_amount")}),
    "supplementary_component": table(opened=True)}

TRANSACTION_ORDER = table(
    text="order_id currency", time="order_create_time", count="total_count",
    money="settlement_amount revenue_amount fee_and_tax_amount shipping_cost_amount",
    lists={"sku_transactions": table(
        text="sku_id statement_id sku_name product_name", count="quantity",
        money="settlement_amount revenue_amount shipping_cost_amount fee_tax_amount", parts=_BREAKDOWNS)})

TRANSACTION_ZERO = set()
ESCROW_ZERO = {"sku_id", "activity_id"}

TRANSACTION_ESCROW = table(
    names={"order_sn": "order_id", "buyer_user_name": "buyer_username"}, text="order_id buyer_username",
    texts="return_order_sn_list", time="escrow_release_time",
    parts={
        "buyer_payment_info": table(opened=True),
        "order_income": table(
            opened=True, text="pri_currency",
            money="escrow_amount escrow_amount_after_adjustment buyer_total_amount original_price seller_discount"
                  " shopee_discount voucher_from_seller voucher_from_shopee coins buyer_paid_shipping_fee"
                  " actual_shipping_fee final_shipping_fee shopee_shipping_rebate reverse_shipping_fee commission_fee"
                  " service_fee seller_transaction_fee withholding_tax seller_return_refund exchange_rate",
            lists={
                "order_adjustment": table(opened=True, money="amount", text="currency adjustment_reason", time="date"),
                "items": table(opened=True, names={"item_id": "product_id", "model_id": "sku_id", "model_sku": "seller_sku",
                                                   "quantity_purchased": "quantity"},
                               text="product_id sku_id line_item_id activity_id item_sku seller_sku activity_type",
                               count="quantity", money="original_price selling_price discounted_price")})})
