-- Every debtor; the columns are those of the portfolio's defaults.
SELECT
  debtor.account,
  debtor.customer,
  CAST(:business_date AS date) - debtor.days_late AS due_on,
  debtor.overdue,
  debtor.currency,
  debtor.name,
  debtor.phone,
  debtor.email,
  debtor.time_zone
FROM debtor
