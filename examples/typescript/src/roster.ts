import type { Client } from './client.js'
import { RosterDocument, type RosterQuery } from './gql/graphql.js'
import { pages } from './paging.js'

type Course = NonNullable<RosterQuery['course']>
export type RosterRow = NonNullable<Course['students']>['nodes'][number]

/** The roster of a course by time on course, longest first, page by page. */
export function rosterPages(client: Client, course: string, first = 25) {
  return pages<RosterRow>(async (after) => {
    const answer = await client.ask(RosterDocument, { course, first, after })
    return answer.complete().course?.students
  })
}
