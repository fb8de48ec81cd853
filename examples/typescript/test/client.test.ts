/** The client against a running API: COURSELENS_URL, COURSELENS_TOKEN, COURSELENS_COURSE. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, beforeEach, test } from 'node:test'

import { Client, type ClientOptions } from '../src/client.js'
import { RequestFailed } from '../src/errors.js'
import { ClassDocument } from '../src/gql/graphql.js'
import { rosterPages, type RosterRow } from '../src/roster.js'

const {
  COURSELENS_URL: api = 'http://127.0.0.1:8000',
  COURSELENS_TOKEN: token = '',
  COURSELENS_COURSE: course = '',
} = process.env

interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  at: number
  status: number
}
interface Refusal {
  status: number
  headers?: Record<string, string>
  body: string
}

/** In front of the API: writes down what comes by, and refuses as long as there are refusals. */
let front: Server
let address = ''
const seen: Seen[] = []
const refusals: Refusal[] = []

before(async () => {
  front = createServer(async (request, response) => {
    const at = Date.now()
    const { method = '', url = '', headers } = request
    const body = await text(request)
    const sent = Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name))
    const refusal = refusals.shift()
    const answer = refusal
      ? new Response(refusal.body, { status: refusal.status, headers: refusal.headers ?? {} })
      : await fetch(api + url, { method, headers: Object.fromEntries(sent) as Record<string, string>, body: body || null })
    seen.push({ method, url, headers, body, at, status: answer.status })
    const kept = [...answer.headers].filter(([name]) => !['content-encoding', 'content-length', 'transfer-encoding'].includes(name))
    response.writeHead(answer.status, Object.fromEntries(kept)).end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(front.address() as AddressInfo).port}/graphql`
})
beforeEach(() => {
  seen.length = 0
  refusals.length = 0
})
after(() => {
  front.closeAllConnections()
  front.close()
})

const connect = (options: Partial<ClientOptions> = {}) =>
  new Client({ endpoint: address, token: () => token, timeoutSeconds: 20, ...options })

const busy = (retryable: boolean): string =>
  JSON.stringify({
    errors: [{ message: 'busy', extensions: { code: retryable ? 'OVERLOADED' : 'BAD_REQUEST', retryable, requestId: '1' } }],
  })

const isFailure = (code: string, retryable: boolean) => (error: unknown) =>
  error instanceof RequestFailed && error.code === code && error.retryable === retryable

test('pages of any size hold the same students, longest time first', async () => {
  const client = connect()
  const read = async (size: number) => {
    const rows: RosterRow[] = []
    for await (const { nodes } of rosterPages(client, course, size)) rows.push(...nodes)
    return rows
  }
  const rows = await read(7)
  assert.ok(rows.length > 7)
  assert.deepEqual(rows, await read(100))
  const seconds = rows.map((row) => row.indicators?.timeOnCourse?.seconds ?? -1)
  assert.deepEqual(seconds, seconds.toSorted((a, b) => b - a))
})

test('what is busy is asked again, after as long as it says', async () => {
  refusals.push({ status: 503, headers: { 'retry-after': '1' }, body: busy(true) })
  const { data } = await connect().ask(ClassDocument, { course })
  assert.ok(data.course)
  const [first, second, ...more] = seen
  assert.ok(first && second && more.length === 0)
  assert.ok(second.at - first.at >= 990)
})

test('what stays wrong is not asked again', async () => {
  refusals.push({ status: 400, body: busy(false) })
  await assert.rejects(connect().ask(ClassDocument, { course }), isFailure('BAD_REQUEST', false))
  assert.equal(seen.length, 1)
})

test('a proxy that answers for a dead server is asked so often and no more', async () => {
  for (let count = 0; count < 3; count += 1) refusals.push({ status: 502, body: '<h1>Bad Gateway</h1>' })
  await assert.rejects(connect({ attempts: 2 }).ask(ClassDocument, { course }), isFailure('UNREACHABLE', true))
  assert.equal(seen.length, 2)
})

test('a longer wait than there is time for ends at once', async () => {
  refusals.push({ status: 503, headers: { 'retry-after': '60' }, body: busy(true) })
  await assert.rejects(connect().ask(ClassDocument, { course }), isFailure('OVERLOADED', true))
  assert.equal(seen.length, 1)
})

test('a token that has run out is replaced once', async () => {
  const refused: (string | undefined)[] = []
  const client = connect({
    token: (old) => {
      refused.push(old)
      return old === undefined ? 'stale' : token
    },
  })
  assert.ok((await client.ask(ClassDocument, { course })).complete().course)
  assert.deepEqual(refused, [undefined, 'stale'])
  await assert.rejects(connect({ token: () => 'stale' }).ask(ClassDocument, { course }), isFailure('UNAUTHENTICATED', false))
})

test('a token that cannot be had is not asked for again', async () => {
  const reason = new Error('sign in again')
  await assert.rejects(connect({ token: () => Promise.reject(reason) }).ask(ClassDocument, { course }), reason)
  assert.equal(seen.length, 0)
})

test('an answer that has not changed is not sent again', async () => {
  const client = connect()
  const first = await client.ask(ClassDocument, { course }, { revalidate: true })
  const second = await client.ask(ClassDocument, { course }, { revalidate: true })
  assert.deepEqual(second.complete(), first.complete())
  assert.deepEqual(
    seen.map(({ method, status }) => [method, status]),
    [['GET', 200], ['GET', 304]],
  )
  await connect().ask(ClassDocument, { course }, { revalidate: true })
  assert.equal(seen.at(-1)?.status, 200)
})

test('a failed field costs itself alone', async () => {
  const answer = await connect().ask(ClassDocument, { course: 'course-v1:No+Such+Course' })
  assert.equal(answer.data.course, null)
  assert.deepEqual(answer.errors.map(({ code, path }) => [code, path]), [['FORBIDDEN', ['course']]])
  assert.throws(() => answer.complete(), isFailure('FORBIDDEN', false))
})

test('whoever does not want the answer any more gets none', async () => {
  const reason = new Error('left the page')
  await assert.rejects(connect().ask(ClassDocument, { course }, { signal: AbortSignal.abort(reason) }), reason)
  assert.equal(seen.length, 0)
})

test('registered documents are asked for by id', { skip: !process.env['COURSELENS_REGISTERED'] }, async () => {
  const client = connect({ registered: true })
  assert.ok((await client.ask(ClassDocument, { course })).complete().course)
  assert.ok((await client.ask(ClassDocument, { course }, { revalidate: true })).complete().course)
  const [posted, gotten] = seen
  assert.deepEqual(Object.keys(JSON.parse(posted?.body ?? '')).sort(), ['documentId', 'variables'])
  assert.match(gotten?.url ?? '', /documentId=sha256%3A[0-9a-f]{64}/)
})
