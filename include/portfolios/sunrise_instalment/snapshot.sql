-- One row per loan with something unpaid at the close of :business_date, due or not yet due.
-- A repayment pays the oldest instalments first. Before anything is overdue, `overdue` is what falls
-- due next, so that a step before the due date has an amount to name.
WITH day AS (
  SELECT
    CAST(:business_date AS date) AS business_date,
    CAST(CAST(:business_date AS date) + 1 AS timestamp) AT TIME ZONE 'Asia/Shanghai' AS closes_at
),
paid AS (
  SELECT
    repayment.loan_id,
    sum(repayment.amount) AS amount,
    CAST(max(repayment.booked_at) AT TIME ZONE 'Asia/Shanghai' AS date) AS last_on
  FROM repayment
  CROSS JOIN day
  WHERE repayment.booked_at < day.closes_at
  GROUP BY repayment.loan_id
),
schedule AS (
  SELECT
    loan_id,
    due_on,
    amount,
    sum(amount) OVER (PARTITION BY loan_id ORDER BY number) AS amount_up_to_here
  FROM instalment
),
unpaid AS (
  SELECT
    schedule.loan_id,
    schedule.due_on,
    least(schedule.amount, schedule.amount_up_to_here - coalesce(paid.amount, 0)) AS amount
  FROM schedule
  LEFT JOIN paid ON paid.loan_id = schedule.loan_id
  WHERE schedule.amount_up_to_here > coalesce(paid.amount, 0)
),
account AS (
  SELECT
    unpaid.loan_id,
    min(unpaid.due_on) AS due_on,
    sum(unpaid.amount) AS balance,
    sum(unpaid.amount) FILTER (WHERE unpaid.due_on < day.business_date) AS overdue,
    count(*) FILTER (WHERE unpaid.due_on < day.business_date) AS instalments_overdue,
    (array_agg(unpaid.amount ORDER BY unpaid.due_on))[1] AS next_amount
  FROM unpaid
  CROSS JOIN day
  GROUP BY unpaid.loan_id
)
SELECT
  loan.loan_id AS account,
  loan.customer_id AS customer,
  account.due_on,
  coalesce(account.overdue, account.next_amount) AS overdue,
  account.balance,
  loan.currency,
  loan.product,
  customer.segment,
  account.instalments_overdue,
  paid.last_on AS last_payment_on,
  customer.name,
  customer.mobile,
  customer.email,
  customer.address,
  customer.language
FROM account
JOIN loan ON loan.loan_id = account.loan_id
JOIN customer ON customer.customer_id = loan.customer_id
CROSS JOIN day
LEFT JOIN paid ON paid.loan_id = loan.loan_id
WHERE loan.disbursed_on <= day.business_date
ORDER BY loan.loan_id
