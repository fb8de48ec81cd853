/** Follows subscriptions over server-sent events (graphql-sse) or a WebSocket (graphql-ws). */
import { createClient as createEvents, NetworkError } from 'graphql-sse'
import { createClient as createSocket } from 'graphql-ws'

import { Answer, type ClientOptions } from './client.js'
import { type Body, RequestFailed, readErrors, unreachable } from './errors.js'
import type { TypedDocumentString } from './gql/graphql.js'

export interface FollowOptions {
  /** Address of the API, with its scheme. */
  endpoint: string
  /** Gives the token to send, none for a page that signs in by cookies; as in `ClientOptions`. */
  token: ClientOptions['token']
  /** Where there is no `WebSocket`, as in Node.js before 22: that of the package `ws`. */
  webSocket?: unknown
}

/** Connects once; gives bodies of answers until the server completes them or the connection ends. */
type Connect = (
  question: { query: string; variables: Record<string, unknown> },
  headers: Record<string, string>,
) => AsyncIterable<unknown>

const FIRST_PAUSE_SECONDS = 0.5
const LONGEST_PAUSE_SECONDS = 30
/** The close code for a token that does not hold. */
const FORBIDDEN = 4403

/**
 * Follow a generated document over server-sent events: an answer now, and one for each news.
 *
 * A connection that ends is made again, for as long as it takes; its first answer is the state.
 *
 * @throws RequestFailed - the subscription has ended; `code` tells why.
 */
export function followEvents<Data, Variables>(
  options: FollowOptions,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Answer<Data>> {
  return follow(options, document, variables, (question, headers) =>
    createEvents({ url: options.endpoint, headers, retryAttempts: 0 }).iterate(question),
  )
}

/** The same over a WebSocket. */
export function followSocket<Data, Variables>(
  options: FollowOptions,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Answer<Data>> {
  const url = options.endpoint.replace(/^http/, 'ws')
  return follow(options, document, variables, (question, connectionParams) =>
    createSocket({ url, connectionParams, webSocketImpl: options.webSocket, retryAttempts: 0 }).iterate(question),
  )
}

async function* follow<Data, Variables>(
  options: FollowOptions,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  connect: Connect,
): AsyncGenerator<Answer<Data>> {
  const question = { query: document.toString(), variables: variables as Record<string, unknown> }
  let refused: string | undefined
  for (let attempt = 0; ; attempt += 1) {
    const token = await options.token(refused)
    try {
      for await (const body of connect(question, token ? { Authorization: `JWT ${token}` } : {})) {
        yield read(body as Body<Data>)
        attempt = 0
        refused = undefined
      }
      return
    } catch (cause) {
      const { failure, pauseSeconds } = await explain(cause)
      const mayRenew = failure.code === 'UNAUTHENTICATED' && refused === undefined
      if (!mayRenew && !failure.retryable) throw failure
      if (mayRenew) refused = token
      else await sleep(pauseSeconds + Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** attempt) * Math.random())
    }
  }
}

/** @throws RequestFailed - there is nothing to be seen, or not any more. */
function read<Data>(body: Body<Data>): Answer<Data> {
  const isEmpty = Object.values(body.data ?? {}).every((value) => value === null)
  if (body.data == null || isEmpty) throw failed(body, null)
  return new Answer(body.data, readErrors(body))
}

/** What ended a connection, as a failure, and how long the server wants to be left alone. */
async function explain(cause: unknown): Promise<{ failure: RequestFailed; pauseSeconds: number }> {
  // `fetch` tells of a cut connection by a TypeError; other errors are faults of the program.
  const isFault = cause instanceof Error && ![RequestFailed, NetworkError, TypeError].some((kind) => cause instanceof kind)
  if (isFault) throw cause
  if (cause instanceof RequestFailed) return { failure: cause, pauseSeconds: 0 }
  if (Array.isArray(cause)) return { failure: failed({ errors: cause }, null), pauseSeconds: 0 }
  const response = cause instanceof NetworkError ? (cause.response as Response | undefined) : undefined
  if (response) {
    const text = await response.text()
    const body = text.startsWith('{') ? (JSON.parse(text) as Body<unknown>) : {}
    return { failure: failed(body, response.status), pauseSeconds: Number(response.headers.get('retry-after')) || 0 }
  }
  const { code, reason } = cause as Partial<CloseEvent>
  if (code !== FORBIDDEN) return { failure: failed({ errors: [{ message: String(cause) }] }, null), pauseSeconds: 0 }
  const extensions = { code: 'UNAUTHENTICATED' as const, retryable: false, requestId: null }
  return { failure: new RequestFailed([{ message: reason ?? '', path: [], ...extensions }], null), pauseSeconds: 0 }
}

function failed(body: Body<unknown>, status: number | null): RequestFailed {
  const [first = unreachable(status === null ? 'an answer without data' : `HTTP ${status}`), ...others] = readErrors(body)
  return new RequestFailed([first, ...others], status)
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
