-- What the core has booked since it was last asked, and at first in the last thirty days. It gives
-- repayments no numbers, so one is known by all that it says.
SELECT repayment.loan_id AS account, repayment.amount, loan.currency, repayment.booked_at
FROM repayment
JOIN loan ON loan.loan_id = repayment.loan_id
WHERE repayment.booked_at > :since AND repayment.booked_at <= :until
  AND repayment.booked_at > CAST(:business_date AS date) - 30
ORDER BY repayment.booked_at, repayment.loan_id
