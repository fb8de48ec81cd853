import type { ErrorCode } from './gql/enums.js'

/** One entry of `errors`; `UNREACHABLE` is this client's own, where no answer came. */
export interface ApiError {
  readonly message: string
  readonly path: readonly (string | number)[]
  readonly code: ErrorCode | 'UNREACHABLE'
  /** Trying the same again can help. */
  readonly retryable: boolean
  /** Tell it to the operator: the server's log has it. */
  readonly requestId: string | null
}

/** No data came. `code` and `retryable` are those of the first error. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed'

  constructor(
    readonly errors: readonly [ApiError, ...ApiError[]],
    readonly status: number | null,
  ) {
    super(`${errors[0].code}: ${errors[0].message}`)
  }

  get code(): ApiError['code'] {
    return this.errors[0].code
  }

  get retryable(): boolean {
    return this.errors.every((error) => error.retryable)
  }
}

interface WireError {
  message: string
  path?: (string | number)[]
  /** Only what is not of this API comes without. */
  extensions?: { code: ErrorCode; retryable: boolean; requestId: string }
}

/** An answer's body, as the API writes it. */
export interface Body<Data> {
  data?: Data | null
  errors?: WireError[]
}

export function readErrors(body: Body<unknown>): ApiError[] {
  return (body.errors ?? []).map(({ message, path = [], extensions }) =>
    extensions ? { message, path, ...extensions } : unreachable(message),
  )
}

/** What a proxy, a cut connection or a timeout comes to. */
export function unreachable(message: string): ApiError {
  return { message, path: [], code: 'UNREACHABLE', retryable: true, requestId: null }
}
