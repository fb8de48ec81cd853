/** Prints the class and its roster: COURSELENS_URL, COURSELENS_TOKEN and COURSELENS_COURSE say whose. */
import { Client } from './client.js'
import { ClassDocument } from './gql/graphql.js'
import { rosterPages } from './roster.js'
import { asDuration, asPercent } from './units.js'

const { COURSELENS_URL = 'http://127.0.0.1:8000', COURSELENS_TOKEN, COURSELENS_COURSE } = process.env
if (!COURSELENS_TOKEN || !COURSELENS_COURSE) {
  throw new Error('set COURSELENS_TOKEN and COURSELENS_COURSE; `make demo` prints both')
}
const client = new Client({ endpoint: `${COURSELENS_URL}/graphql`, token: () => COURSELENS_TOKEN })

const { course } = (await client.ask(ClassDocument, { course: COURSELENS_COURSE })).complete()
if (!course) throw new Error(`no course ${COURSELENS_COURSE}, or it may not be seen`)
const time = course.indicators?.timeOnCourse
console.log(course.title)
console.log(`${time?.n ?? '?'} students, median ${asDuration(time?.median)} on the course`)
let place = 0
for await (const { nodes } of rosterPages(client, COURSELENS_COURSE)) {
  for (const { username, indicators } of nodes) {
    place += 1
    const seconds = indicators?.timeOnCourse?.seconds
    const grade = indicators?.courseGrade?.ratio
    console.log([place, username, asDuration(seconds), asPercent(grade)].join('\t'))
  }
}
