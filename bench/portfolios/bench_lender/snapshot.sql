-- The ten columns of each loan that is overdue at the close of the date. A loan's days past
-- due rise by one each day; after the 40th it is paid for a day, and begins anew.
SELECT
  loan.account,
  loan.customer,
  CAST(:business_date AS date) - late.days AS due_on,
  loan.overdue,
  loan.balance,
  loan.currency,
  loan.name,
  loan.phone,
  loan.email,
  loan.time_zone
FROM loan
CROSS JOIN LATERAL (SELECT
  (loan.phase + (CAST(:business_date AS date) - DATE '2026-01-01')) % 41 AS days
) AS late
WHERE late.days > 0
