/** Seconds as `12 h 05 min`; a missing number stays one. */
export function asDuration(seconds: number | null | undefined): string {
  if (seconds == null) return '–'
  const minutes = Math.round(seconds / 60)
  const rest = String(minutes % 60).padStart(2, '0')
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${rest} min`
}

/** A ratio from 0 to 1 as `83 %`. */
export function asPercent(ratio: number | null | undefined): string {
  return ratio == null ? '–' : `${Math.round(ratio * 100)} %`
}
