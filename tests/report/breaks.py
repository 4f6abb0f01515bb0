"""How each promise of the audit can be broken by hand, in the ledger of `conftest.py`."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

CAP = "no customer was contacted over cap sms_week"
HOURS = "everything went out within contact hours"
MADE = "people called and visited within contact hours"


@dataclass(frozen=True)
class Break:
    """How a promise is broken, and the account that must be named; None: none can be."""

    promise: str
    account: str | None
    sql: str


AWAY = (
    "INSERT INTO placement (portfolio_id, account_id, episode_id, business_date, destination,"
    " state, amount, currency, proposed_at, ended_at) SELECT 1, account_id, episode_id,"
    " '2026-02-28', 'agency', '{state}', 1300, 'CNY', '2026-02-28 07:00+08',"
    " '2026-03-01 07:00+08' FROM episode WHERE account_id = acc('A-climbs')"
)

# Names below: `acc` gives an account's id, `con` the id of the contact that it led on a date.
LEFT = "WITH gone AS (UPDATE placement SET state = 'exported', exported_at = '2026-03-09 12:00+08')"
BREAKS = [
    Break(
        "each account of a snapshot has its decision",
        "A-climbs",
        "DELETE FROM decision WHERE business_date = '2026-03-03' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about an account of the snapshot, an unreadable or a cured one",
        "A-dollars",
        "DELETE FROM snapshot WHERE business_date = '2026-03-03' AND account_id = acc('A-dollars')",
    ),
    Break(
        "each load counts what its snapshot holds",
        None,
        "UPDATE load SET accounts = accounts + 1 WHERE business_date = '2026-03-03'",
    ),
    Break(
        "each contact was decided",
        "A-climbs",
        "UPDATE decision SET action = 'wait'"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision to send has its contact",
        "A-covered",
        "DELETE FROM contact_account WHERE account_id = acc('A-covered')"
        " AND contact_id = con('A-leads', '2026-03-01')",
    ),
    Break(
        "each decision about a step that was due names it",
        "A-climbs",
        "UPDATE decision SET step = NULL"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each contact that did not go out says why",
        "A-pays_in_time",
        "UPDATE contact SET reason = NULL WHERE contact_id = con('A-pays_in_time', '2026-03-01')",
    ),
    Break(
        "nothing of a date went out after a newer one had decided",
        "A-climbs",
        "UPDATE contact SET claimed_at = '2026-03-06 08:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no contact is still planned after a newer date has run",
        "A-climbs",
        "UPDATE contact SET state = 'planned' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "late runs planned nothing",
        "A-climbs",
        "UPDATE run SET late = true WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each contact, episode, waiver and placement belongs to what is there",
        "A-climbs",
        "UPDATE contact SET customer_id = 0 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "each living or done contact holds the key of its step",
        "A-climbs",
        "UPDATE contact_account SET occupies = false"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no step was done twice",
        "A-climbs",
        # The unique key forbids it only while the contact occupies its step.
        "UPDATE contact_account SET step = 'text_1', occupies = false"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no provider has a contact twice",
        "A-climbs",
        "UPDATE contact SET reason = 'twice' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    *(
        Break(
            "no provider told of a text that it arrived and that it did not",
            "A-climbs",
            "WITH one AS (UPDATE contact SET provider_id = 'SM1', state = '" + state + "'"
            " WHERE contact_id = con('A-climbs', '2026-03-01'))"
            " INSERT INTO receipt (provider, event_id, provider_id, status, received_at)"
            " VALUES ('twilio', 'e1', 'SM1', '" + told + "', '2026-03-02 09:00+08')",
        )
        for state, told in (("undelivered", "delivered"), ("delivered", "failed"))
    ),
    Break(
        "no provider's message is taken for two contacts",
        "A-climbs",
        "UPDATE contact SET provider_id = 'SM1'"
        " WHERE contact_id IN (con('A-climbs', '2026-03-01'), con('A-climbs', '2026-03-04'))",
    ),
    Break(
        "no account's gap was cut short",
        "A-climbs",
        "UPDATE contact SET accepted_at = '2026-03-05 00:01+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-01')",
    ),
    Break(
        "no account was contacted twice on one day",
        "A-climbs",
        "UPDATE contact SET accepted_at = '2026-03-05 19:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-01')",
    ),
    Break(
        "no customer was contacted twice on one day, where the policy says so",
        "A-leads",
        "UPDATE contact SET accepted_at = '2026-03-05 19:00+08'"
        " WHERE contact_id IN (con('A-leads', '2026-03-01'), con('A-leads', '2026-03-04'))",
    ),
    Break(
        "nothing was sent during a hold",
        "A-climbs",
        "INSERT INTO hold (portfolio_id, account_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT 1, acc('A-climbs'), 'dispute', at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was sent while a promise was waited for",
        "A-climbs",
        "INSERT INTO promise (portfolio_id, account_id, amount, currency, promised_on, made_at,"
        " recorded_at, recorded_by) SELECT 1, acc('A-climbs'), 5, 'CNY', '2026-03-09', at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was sent while a plan was kept",
        "A-climbs",
        "WITH made AS (INSERT INTO plan (portfolio_id, account_id, currency, grace_days, agreed_at,"
        " recorded_at, recorded_by) SELECT 1, acc('A-climbs'), 'CNY', 0, at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at RETURNING plan_id)"
        " INSERT INTO instalment (plan_id, due_on, amount, total_amount)"
        " SELECT plan_id, '2026-03-09', 5, 5 FROM made",
    ),
    Break(
        "nothing was sent where nothing arrives any more",
        "A-climbs",
        "INSERT INTO dead_address (portfolio_id, channel, address, reason, since_at)"
        " SELECT 1, channel, address, 'x', '2026-03-05 07:00+08' FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent without a consent that a pack wants",
        "A-climbs",
        "UPDATE contact SET channel = 'voice' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent in the rest after a talk that a pack wants",
        "A-climbs",
        "INSERT INTO conversation (portfolio_id, customer_id, held_at, held_on, recorded_at,"
        " recorded_by) SELECT 1, customer_id, at, '2026-03-04', at, 'x' FROM contact,"
        " CAST('2026-03-04 15:00+08' AS timestamptz) AS at"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was handed off before its notice",
        "A-leaves",
        f"{LEFT} UPDATE print_batch SET delivered_at = '2026-03-04 07:00+08'"
        " FROM print_line JOIN contact USING (contact_id)"
        " WHERE print_line.print_batch_id = print_batch.print_batch_id"
        " AND account_id = acc('A-leaves') AND step = 'notice'",
    ),
    Break(
        "nothing was handed off before its notice",
        "A-leaves",
        f"{LEFT} UPDATE contact SET customer_id = (SELECT customer_id FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04'))"
        " WHERE account_id = acc('A-leaves') AND step = 'notice'",
    ),
    Break(
        "nothing was handed off before its notice",
        "A-leaves",
        f"{LEFT} UPDATE contact SET channel = 'call'"
        " WHERE account_id = acc('A-leaves') AND step = 'notice'",
    ),
    Break(
        "no step was waived that a pack demands",
        "A-climbs",
        "INSERT INTO waiver (portfolio_id, account_id, episode_id, business_date, step, reason,"
        " waived_by, waived_at) SELECT 1, account_id, episode_id, '2026-03-04', 'notice', 'x', 'x',"
        " '2026-03-05 07:00+08' FROM episode WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "nothing was sent about an account that was placed",
        "A-leaves",
        "UPDATE placement SET proposed_at = '2026-03-01 00:00+08'",
    ),
    Break(
        "nothing was sent about an account that its receiver closed",
        "A-climbs",
        AWAY.format(state="closed"),
    ),
    Break(
        "nothing was sent about an account that its receiver closed",
        "A-climbs",
        # It was given away once more, but only after what was sent.
        f"{AWAY.format(state='closed')};"
        f"{AWAY.format(state='returned')};"
        " UPDATE placement SET exported_at = '2026-03-09 08:00+08',"
        " proposed_at = '2026-03-09 07:00+08', ended_at = '2026-03-09 09:00+08'"
        " WHERE state = 'returned'",
    ),
    Break(
        "nothing was sent about what was paid to a receiver in full",
        "A-climbs",
        f"WITH away AS ({AWAY.format(state='returned')} RETURNING placement_id)"
        " INSERT INTO handback (portfolio_id, destination, handback_ref, kind, placement_id,"
        " happened_at, amount, currency, file, line, received_at, told_by) SELECT 1, 'agency', 'r',"
        " 'payment', placement_id, '2026-03-03 12:00+08', 1299, 'CNY', 'x', 1,"
        " '2026-03-04 12:00+08', 'x' FROM away",
    ),
    Break(
        "nothing was sent after an opt-out",
        "A-climbs",
        "INSERT INTO opt_out (portfolio_id, channel, customer_id, since_at, source)"
        " SELECT 1, 'sms', customer_id, '2026-03-05 07:00+08', 'reply' FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent about a settled account",
        "A-climbs",
        "UPDATE contact_account SET amount = 1.00 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "kept progress is what contacts and waivers say",
        "A-climbs",
        "UPDATE episode SET progress = progress - 'text_2' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "episodes of an account do not overlap",
        "A-climbs",
        "INSERT INTO episode (portfolio_id, account_id, started_on, ended_on)"
        " VALUES (1, acc('A-climbs'), '2026-03-02', '2026-03-03')",
    ),
    Break(
        "an unreadable row was never taken for a cure",
        "A-spoils",
        "UPDATE episode SET ended_on = '2026-03-04' WHERE account_id = acc('A-spoils')",
    ),
    Break(
        "no cure stands that only rows say which count no longer",
        "A-climbs",
        "WITH refused AS (UPDATE load SET state = 'refused' WHERE business_date = '2026-03-05')"
        " UPDATE episode SET ended_on = '2026-03-05' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "each load counts what its snapshot holds",
        None,
        "UPDATE snapshot SET overdue_amount = overdue_amount * 10"
        " WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each run counts the rows that it wrote",
        None,
        "UPDATE run SET decided = '{\"send\": 999}' WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET overdue_amount = overdue_amount * 10"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET overdue_amount = overdue_amount - 0.01"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET dpd = dpd + 1"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-climbs",
        "UPDATE contact SET amount = amount * 10 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-covered",  # whose amount is not the contact's
        "UPDATE contact_account SET amount = amount + 0.01 WHERE account_id = acc('A-covered')"
        " AND contact_id = con('A-leads', '2026-03-01')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-climbs",  # a payment that was known is not taken off
        "INSERT INTO payment (portfolio_id, payment_ref, account_id, amount, currency, booked_at,"
        " recorded_at) SELECT 1, 'x', acc('A-climbs'), 5, 'CNY', at, at"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "no mandatory step was passed over",
        "A-leaves",
        "WITH gone AS (UPDATE contact SET state = 'cancelled', reason = 'gap'"
        " WHERE step = 'firm_letter' AND account_id = acc('A-leaves') RETURNING contact_id),"
        " free AS (UPDATE contact_account SET occupies = false"
        " WHERE contact_id IN (SELECT contact_id FROM gone))"
        " UPDATE episode SET progress = progress - 'firm_letter'"
        " WHERE account_id = acc('A-leaves')",
    ),
    Break(
        "nothing went out before its hour or after its life",
        "A-climbs",
        "UPDATE contact SET expires_at = claimed_at - interval '1 hour'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing went out before its hour or after its life",
        "A-climbs",
        "UPDATE decision SET not_before_at = not_before_at + interval '1 hour'"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "nothing was sent while a person had stopped it",
        "A-climbs",
        "INSERT INTO stop (portfolio_id, channel, reason, stopped_by, stopped_at)"
        " VALUES (1, 'sms', 'x', 'x', '2026-03-05 07:00+08')",
    ),
    Break(
        "nothing was handed off without an approval",
        "A-leaves",
        "UPDATE placement SET state = 'exported', exported_at = '2026-03-09 12:00+08'",
    ),
    Break(
        "nothing was handed off during a hold",
        "A-leaves",
        "WITH gone AS (UPDATE placement SET state = 'exported',"
        " exported_at = '2026-03-09 12:00+08' RETURNING portfolio_id, account_id)"
        " INSERT INTO hold (portfolio_id, account_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT portfolio_id, account_id, 'dispute', at, at, 'x' FROM gone,"
        " CAST('2026-03-09 11:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was handed off during a hold",
        "A-leaves",
        "WITH gone AS (UPDATE placement SET state = 'exported',"
        " exported_at = '2026-03-09 12:00+08' RETURNING portfolio_id, account_id)"
        " INSERT INTO hold (portfolio_id, customer_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT DISTINCT gone.portfolio_id, s.customer_id, 'dispute', at, at, 'x'"
        " FROM gone JOIN snapshot AS s ON s.account_id = gone.account_id,"
        " CAST('2026-03-09 11:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was proposed again to a receiver that had it",
        "A-leaves",
        "INSERT INTO placement (portfolio_id, account_id, episode_id, business_date, destination,"
        " state, amount, currency, proposed_at, ended_at, run_id)"
        " SELECT portfolio_id, account_id, episode_id, '2026-03-01', destination, 'rejected',"
        " amount, currency, '2026-03-02', '2026-03-02', run_id FROM placement",
    ),
    Break(
        "each account on the ladder has its episode",
        "A-climbs",
        "UPDATE episode SET ended_on = '2026-03-05' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "each account on the ladder has its episode",
        "A-climbs",
        "DELETE FROM episode WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "no episode goes on of an account that owes nothing",
        "A-cures",
        "UPDATE episode SET ended_on = NULL WHERE account_id = acc('A-cures')",
    ),
    Break(
        CAP,
        "A-dollars",
        # Two texts went out already; the letter becomes a third.
        "UPDATE contact SET channel = 'sms' WHERE contact_id = con('A-dollars', '2026-03-07')",
    ),
    Break(
        HOURS,
        "A-climbs",
        "UPDATE contact SET claimed_at = '2026-03-05 20:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        MADE,
        "A-climbs",
        "UPDATE contact SET channel = 'call' WHERE contact_id = con('A-climbs', '2026-03-04');"
        " INSERT INTO result (contact_id, result, happened_at, recorded_at, recorded_by)"
        " SELECT con('A-climbs', '2026-03-04'), 'reached', '2026-03-05 20:00+08',"
        " '2026-03-05 21:00+08', 'ann'",
    ),
]

_NAMES = """
CREATE FUNCTION pg_temp.acc(ref text) RETURNS bigint LANGUAGE sql AS
  $$ SELECT account_id FROM account WHERE account_ref = ref $$;
CREATE FUNCTION pg_temp.con(ref text, day date) RETURNS bigint LANGUAGE sql AS
  $$ SELECT contact_id FROM contact WHERE account_id = pg_temp.acc(ref) AND business_date = day $$;
"""


def damage(conn: Connection, each: Break) -> None:
    conn.execute(text(_NAMES))
    sql = each.sql.replace("acc(", "pg_temp.acc(").replace("con(", "pg_temp.con(")
    assert conn.execute(text(sql)).rowcount > 0
