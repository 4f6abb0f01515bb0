-- One row per loan that is unpaid at the close of :business_date; a payment of that day is received.
-- A loan has one payment, so the whole amount stays due until then. Loans of 60 and 90 days are left
-- out: of their schedule only the first due date is known.
SELECT
  loan.systemloanid AS account,
  loan.customerid AS customer,
  CAST(loan.firstduedate AS date) AS due_on,
  loan.totaldue AS overdue,
  loan.totaldue AS balance,
  CAST(loan.termdays AS text) AS product,
  contact.mobile,
  contact.email,
  'Africa/Lagos' AS time_zone
FROM loan
JOIN contact ON contact.customerid = loan.customerid
WHERE loan.termdays IN (15, 30)
  AND CAST(loan.approveddate AS date) <= CAST(:business_date AS date)
  AND CAST(loan.closeddate AS date) > CAST(:business_date AS date)
ORDER BY loan.systemloanid
