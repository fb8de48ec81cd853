/** A roster by time on course. Address: `/#token=…&course=…`, as GraphiQL's. */
import { Client } from './client.js'
import { RequestFailed } from './errors.js'
import { rosterPages, type RosterRow } from './roster.js'
import { asDuration, asPercent } from './units.js'

const find = <Element extends HTMLElement>(id: string) => document.getElementById(id) as Element
const form = find<HTMLFormElement>('sign-in')
const rows = find<HTMLTableSectionElement>('rows')
const more = find<HTMLButtonElement>('more')
const status = find<HTMLParagraphElement>('status')

function show(students: readonly RosterRow[]): void {
  for (const { username, cohort, indicators } of students) {
    const time = indicators?.timeOnCourse
    const percentile = time?.standing?.percentile
    const row = rows.insertRow()
    for (const text of [
      String(rows.rows.length),
      username ?? '–',
      cohort ?? '–',
      asDuration(time?.seconds),
      percentile == null ? '–' : percentile.toFixed(0),
      asPercent(indicators?.courseGrade?.ratio),
    ]) {
      // Text, never HTML: names are what people chose.
      row.insertCell().textContent = text
    }
  }
}

function tell(error: unknown): void {
  if (error instanceof RequestFailed && error.code === 'UNAUTHENTICATED') {
    form.hidden = false
    status.textContent = 'The token does not hold (any more): paste a new one.'
  } else {
    status.textContent = error instanceof Error ? error.message : String(error)
  }
}

function open(token: string, course: string): void {
  const client = new Client({ endpoint: '/graphql', token: () => token })
  const students = rosterPages(client, course)
  rows.replaceChildren()
  const next = async () => {
    more.disabled = true
    status.textContent = 'Asking …'
    try {
      const { value: page } = await students.next()
      if (page) show(page.nodes)
      // An empty list and one that may not be seen look the same.
      status.textContent = rows.rows.length ? `${rows.rows.length} students` : 'Nobody to show.'
      more.hidden = !page?.pageInfo.hasNextPage
    } catch (error) {
      tell(error)
    } finally {
      more.disabled = false
    }
  }
  more.onclick = next
  void next()
}

// Taken off the address, so that nobody passes a token on with a link; kept until the tab closes.
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  if (name === 'token' || name === 'course') sessionStorage.setItem(name, value)
}
history.replaceState(null, '', location.pathname)
find<HTMLInputElement>('token').value = sessionStorage.getItem('token') ?? ''
find<HTMLInputElement>('course').value = sessionStorage.getItem('course') ?? ''
form.onsubmit = (event) => {
  event.preventDefault()
  form.hidden = true
  const { token, course } = Object.fromEntries(new FormData(form)) as Record<string, string>
  open(token ?? '', course ?? '')
}
if (form.checkValidity()) form.requestSubmit()
else form.hidden = false
