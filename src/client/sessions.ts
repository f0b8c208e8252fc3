import type { SessionCommand } from '../../machines/batch.ts'
import { isPublicId } from '../core/names.ts'
import { shownValue } from '../core/shown-value.ts'
import { InvalidArgument } from './errors.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { resultWith } from './result-with.ts'

/** An option of every call: `signal` aborts it, as `Client.request` describes. */
export interface SessionsOptions {
  readonly signal?: AbortSignal
}

/** A session of a client, as others may see it. Plain-text clients are not among them. */
export interface ShownSession {
  /** The public id, such as `12.0`: the position at which the session was opened. */
  readonly id: string
  /** How long it lives without a sign of life, in milliseconds. */
  readonly ttlMs: number
  /** Milliseconds of the replicated clock until it ends without a further sign of life. */
  readonly endsInMs: number
  /** No sign of life moves its end any more. */
  readonly revoked: boolean
  /** Its requests that wait. */
  readonly waiting: number
  /** The service keeps something for it, such as a lock. */
  readonly holds: boolean
}

/** What `Sessions.end` did. */
export interface EndedSession {
  /** False when there is no such session, now or ever again. */
  readonly found: boolean
  /** Milliseconds of the replicated clock until it ends; 0 when it has ended, `null` when it was not found. */
  readonly endsInMs: number | null
}

/** Has the cluster execute a command about sessions. */
export type SessionsSend = (
  command: SessionCommand,
  options: SessionsOptions & { readonly isIdempotent: true },
) => Promise<ExecutedRequest>

/** Lists and ends the sessions of all clients: `client.sessions`. Each call rejects as `Client.request` does. */
export class Sessions {
  readonly #send: SessionsSend

  /** Made by the client. */
  constructor(send: SessionsSend) {
    this.#send = send
  }

  /** All sessions, in the order of their opening. One that opens or ends meanwhile may be among them or not. */
  async list({ signal }: SessionsOptions = {}): Promise<ShownSession[]> {
    const listed: ShownSession[] = []
    for (let after: string | undefined; ; ) {
      const command = after === undefined ? {} : { after }
      const { sessions: page } = await this.#result<{ readonly sessions: readonly ShownSession[] }>(
        { kind: 'sessions', ...command },
        signal,
        'sessions',
      )
      const last = page.at(-1)
      if (last === undefined) return listed
      listed.push(...page)
      after = last.id
    }
  }

  /**
   * Revokes the session with the public id `id`: it ends, and frees what it holds, when its ttl has run. With `now` it ends at once: its
   * client may then still believe that it holds what it held, so use it only when you know that the client is gone.
   */
  async end(
    id: string,
    { now = false, signal }: SessionsOptions & { readonly now?: boolean } = {},
  ): Promise<EndedSession> {
    const command = { kind: 'end', session: validId(id), ...(now && { now }) } as const
    return this.#result<EndedSession>(command, signal, 'found')
  }

  async #result<Result>(
    command: SessionCommand,
    signal: AbortSignal | undefined,
    field: keyof Result & string,
  ): Promise<Result> {
    const { result } = await this.#send(command, {
      isIdempotent: true,
      ...(signal !== undefined && { signal }),
    })
    return resultWith<Result>(result, field)
  }
}

/** Returns `id`. Throws InvalidArgument when it is no public id. */
function validId(id: string): string {
  if (typeof id === 'string' && isPublicId(id)) return id
  throw new InvalidArgument(
    `the id of a session must be two numbers, such as '12.0'; received ${shownValue(id)}`,
  )
}
