import { type ApiError, type Body, RequestFailed, readErrors, unreachable } from './errors.js'
import type { TypedDocumentString } from './gql/graphql.js'

export interface ClientOptions {
  /** Address of the API; from a page of the same origin `/graphql` does. */
  endpoint: string
  /** Gives the token to send. After a 401 it is asked once more, and told what was refused. */
  token: (refused?: string) => string | Promise<string>
  /** Send ids instead of texts: the manifest was registered (`courselens documents register`). */
  registered?: boolean
  /** How often to ask at most. */
  attempts?: number
  /** For everything together: asking, waiting, asking again. */
  timeoutSeconds?: number
}

export interface AskOptions {
  signal?: AbortSignal
  /**
   * Ask by GET and with the ETag of the last answer, so that what has not changed is not sent
   * again. The variables are then in the URL, which proxies log: none that names a person.
   */
  revalidate?: boolean
}

/** `data` with what failed below it: a field with an error is null, the others are answered. */
export class Answer<Data> {
  constructor(
    readonly data: Data,
    readonly errors: readonly ApiError[],
  ) {}

  /**
   * The data.
   *
   * @throws RequestFailed - some of them are missing because of an error.
   */
  complete(): Data {
    const [first, ...others] = this.errors
    if (first) throw new RequestFailed([first, ...others], null)
    return this.data
  }
}

interface Reply {
  response: Response
  body: Body<unknown> | null
}

const FIRST_PAUSE_SECONDS = 0.5
const TAGS_KEPT = 50

export class Client {
  readonly #options: Required<ClientOptions>
  readonly #tagged = new Map<string, { etag: string; body: Body<unknown> }>()

  constructor(options: ClientOptions) {
    this.#options = { registered: false, attempts: 4, timeoutSeconds: 30, ...options }
  }

  /**
   * Ask a generated document.
   *
   * Asks again where that can help, after as long as the server says (`Retry-After`).
   *
   * @throws RequestFailed - there are no data; `code` tells why.
   */
  async ask<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    { signal, revalidate = false }: AskOptions = {},
  ): Promise<Answer<Data>> {
    const until = Date.now() + this.#options.timeoutSeconds * 1000
    const timeout = AbortSignal.timeout(this.#options.timeoutSeconds * 1000)
    const ended = signal ? AbortSignal.any([signal, timeout]) : timeout
    for (let attempt = 1; ; attempt += 1) {
      let failed: RequestFailed
      let pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * Math.random()
      try {
        const { response, body } = await this.#send(document, variables, revalidate, ended)
        const errors = body === null ? [unreachable(`HTTP ${response.status}`)] : readErrors(body)
        if (body?.data != null) return new Answer(body.data as Data, errors)
        const [first = unreachable('an answer without data'), ...others] = errors
        failed = new RequestFailed([first, ...others], response.status)
        const told = Number(response.headers.get('retry-after') ?? NaN)
        if (told >= 0) pause = told
      } catch (cause) {
        signal?.throwIfAborted()
        if (!(cause instanceof RequestFailed)) throw cause
        failed = cause
      }
      const isLast = attempt >= this.#options.attempts || Date.now() + pause * 1000 >= until
      if (isLast || !failed.retryable) throw failed
      await sleep(pause * 1000, ended)
    }
  }

  /** One question; two where a token has run out. */
  async #send<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    revalidate: boolean,
    signal: AbortSignal,
  ): Promise<Reply> {
    const named = this.#options.registered
      ? { documentId: String(document.__meta__?.['hash']) }
      : { query: document.toString() }
    const token = await this.#options.token()
    const send = (bearer: string) =>
      revalidate
        ? this.#get({ ...named, variables: JSON.stringify(variables) }, bearer, signal)
        : this.#post({ ...named, variables }, bearer, signal)
    const reply = await send(token)
    return reply.response.status === 401 ? send(await this.#options.token(token)) : reply
  }

  #post(question: object, token: string, signal: AbortSignal): Promise<Reply> {
    return exchange(this.#options.endpoint, {
      method: 'POST',
      headers: { authorization: `JWT ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(question),
      signal,
    })
  }

  async #get(question: Record<string, string>, token: string, signal: AbortSignal): Promise<Reply> {
    const url = `${this.#options.endpoint}?${new URLSearchParams(question)}`
    // Answers belong to who asked.
    const key = `${token} ${url}`
    const kept = this.#tagged.get(key)
    const { response, body } = await exchange(url, {
      headers: { authorization: `JWT ${token}`, ...(kept && { 'if-none-match': kept.etag }) },
      signal,
    })
    if (response.status === 304 && kept) return { response, body: kept.body }
    const etag = response.headers.get('etag')
    if (etag && body) this.#keep(key, { etag, body })
    return { response, body }
  }

  #keep(key: string, tagged: { etag: string; body: Body<unknown> }): void {
    this.#tagged.delete(key)
    this.#tagged.set(key, tagged)
    const [oldest] = this.#tagged.keys()
    if (this.#tagged.size > TAGS_KEPT && oldest !== undefined) this.#tagged.delete(oldest)
  }
}

/** A reply, its body null where it is no JSON: a proxy has answered, or there is none. */
async function exchange(url: string, request: RequestInit): Promise<Reply> {
  try {
    const response = await fetch(url, request)
    const text = await response.text()
    return { response, body: text.startsWith('{') ? (JSON.parse(text) as Body<unknown>) : null }
  } catch (cause) {
    throw new RequestFailed([unreachable(String(cause))], null)
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', stop, { once: true })
  })
}
