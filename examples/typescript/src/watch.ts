/** Prints a course's state now and after every refresh; `events` or `socket` says over what. */
import WebSocket from 'ws'

import { RequestFailed } from './errors.js'
import { followEvents, followSocket } from './follow.js'
import { RefreshedDocument } from './gql/graphql.js'
import { asDuration } from './units.js'

const { COURSELENS_URL = 'http://127.0.0.1:8000', COURSELENS_TOKEN = '', COURSELENS_COURSE } = process.env
if (!COURSELENS_COURSE) throw new Error('set COURSELENS_COURSE; `make demo` prints it')
const follow = process.argv[2] === 'socket' ? followSocket : followEvents
const options = { endpoint: `${COURSELENS_URL}/graphql`, token: () => COURSELENS_TOKEN, webSocket: WebSocket }
try {
  for await (const answer of follow(options, RefreshedDocument, { course: COURSELENS_COURSE })) {
    const { title, computedAt, indicators } = answer.complete().courseRefreshed ?? {}
    const time = indicators?.timeOnCourse
    console.log([computedAt, title, time?.n, asDuration(time?.median)].join('\t'))
  }
} catch (cause) {
  if (!(cause instanceof RequestFailed)) throw cause
  console.error(cause.message)
  process.exitCode = 1
}
