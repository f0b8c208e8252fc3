import type { Address } from '../../machines/batch.ts'
import type { Client } from '../client/index.ts'
import { Aborted, connect, RequestFailed } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { whyUnresolved } from '../network/resolver.ts'
import { type Answering, answeringIn } from './answering.ts'
import { exitCodes, Failure, signalExitCodes } from './exit-codes.ts'
import { complain } from './output.ts'
import { onStopSignal, type StopSignal } from './signals.ts'

export interface Patience {
  readonly servers: readonly Address[]
  /** Milliseconds; undefined for as long as it takes. */
  readonly timeout?: number
}

/** After this long without an answer it is looked whether enough servers answer at all, in milliseconds. */
const doubtMs = 2_000

/** How long servers have to answer when it is counted which do, in milliseconds. They are counted before the timeout ends. */
const countingMs = 1_000

/** After the timeout, a request has this long to be taken back, in milliseconds. */
const takingBackMs = 1_000

/**
 * Asks the cluster a question and gives it up after `timeout`, or when a signal ends the program: throws a `Failure` then, within
 * a second, that tells who answers; and one when the service refuses. `question` is to reject at the signal.
 */
export async function ask<T>(
  { servers, timeout }: Patience,
  question: (client: Client, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const client = connect({ servers })
  const givingUp = new AbortController()
  let interruptedBy: StopSignal | null = null
  const unhear = onStopSignal((signal) => {
    interruptedBy = signal
    givingUp.abort(new Error(signal))
  })
  const doubt = setTimeout(() => void sayWhyItWaits(client, servers, givingUp.signal), doubtMs)
  const deadline = timeout === undefined ? null : new Deadline(timeout, givingUp, () => answering(client))
  try {
    const answer = question(client, givingUp.signal)
    return await (deadline === null ? answer : Promise.race([answer, deadline.missed]))
  } catch (error) {
    if (error instanceof RequestFailed) throw new Failure(visible(error.error))
    if (!givingUp.signal.aborted) throw error
    const doubts = error instanceof Aborted ? `; ${error.message}` : ''
    if (interruptedBy !== null) throw new Failure(`interrupted${doubts}`, signalExitCodes[interruptedBy])
    const after = `after ${(timeout ?? 0) / 1000} s`
    const known = (await deadline?.counted()) ?? { kind: 'none' }
    if (known.kind === 'none') throw noServerAnswers(servers, after, doubts)
    throw new Failure(`gave up ${after} (${known.text})${doubts}`, exitCodes.gaveUp)
  } finally {
    clearTimeout(doubt)
    deadline?.clear()
    unhear()
    await client.close()
  }
}

/** When a question is given up: the servers that answer are counted before, and what is asked can be taken back after. */
class Deadline {
  /** Rejects with Aborted when what was asked could not be taken back in time. */
  readonly missed: Promise<never>
  #count: Promise<Answering | null> | null = null
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(timeout: number, givingUp: AbortController, count: () => Promise<Answering>) {
    let miss: (reason: unknown) => void = () => undefined
    this.missed = new Promise<never>((_, reject) => {
      miss = reject
    })
    // Nobody may be waiting for it any more.
    this.missed.catch(() => undefined)
    const reason = new Error('timeout')
    const beginCount = () => {
      this.#count = count().catch(() => null)
    }
    this.#timers = [
      setTimeout(beginCount, Math.max(0, timeout - countingMs)),
      setTimeout(() => givingUp.abort(reason), timeout),
      setTimeout(() => miss(new Aborted(null, reason)), timeout + takingBackMs),
    ]
  }

  /** Who answers; `null` when that was not learned in time. */
  counted(): Promise<Answering | null> {
    return Promise.race([this.#count, this.missed.catch(() => null)])
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/**
 * `run`, and then the end of the process: whatever is still under way, such as the look-up of a name, has no part in what the
 * command said.
 */
export function ending<A extends unknown[]>(
  run: (...args: A) => Promise<void>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    await run(...args)
    process.stdout.write('', () => process.exit())
  }
}

export function noServerAnswers(servers: readonly Address[], after: string, doubts = ''): Failure {
  const nameless = servers.flatMap((server) => whyUnresolved(server) ?? [])
  const why = [...nameless, ...(nameless.length < servers.length ? ['are they running?'] : [])]
  return new Failure(
    `no server answered ${after} at ${servers.join(', ')}: ${why.join('; ')} (--servers says where they are)${doubts}`,
    exitCodes.noServerAnswers,
  )
}

/** Says on stderr why there may be no answer yet, if it can be seen. */
async function sayWhyItWaits(
  client: Client,
  servers: readonly Address[],
  signal: AbortSignal,
): Promise<void> {
  // A client that was closed meanwhile has its answer.
  const known = await answering(client).catch(() => null)
  if (known === null || known.kind === 'enough' || signal.aborted) return
  if (known.kind === 'tooFew') {
    complain(`${known.text}; still asking`)
    return
  }
  const nameless = servers.flatMap((server) => whyUnresolved(server) ?? [])
  const why = nameless.length === 0 ? '' : `: ${nameless.join('; ')}`
  complain(`no server answers yet at ${servers.join(', ')}${why}; still asking`)
}

async function answering(client: Client): Promise<Answering> {
  const answers = await client.status()
  return answeringIn(answers.map((answer) => ('status' in answer ? answer.status : null)))
}
