/** An instant in UTC, such as `2026-11-23T08:30:00Z`; `new Date(text)` reads it. */
export type DateTime = `${number}-${number}-${number}T${string}Z`

/** A day without a time zone, such as `2026-11-23`; no `Date`, which would shift it. */
export type CalendarDate = `${number}-${number}-${number}`
