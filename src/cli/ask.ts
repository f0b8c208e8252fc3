import type { Address } from '../../machines/batch.ts'
import type { Client } from '../client/index.ts'
import {
  Aborted,
  connect,
  QuotaExceeded,
  ReadFailed,
  RequestFailed,
  RequestTooLarge,
} from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { whyUnresolved } from '../network/resolver.ts'
import { type Answering, answeringIn } from './answering.ts'
import { exitCodes, Failure, signalExitCodes, wrongUse } from './exit-codes.ts'
import { complain } from './output.ts'
import { ClusterWatch } from './several-clusters.ts'
import { onStopSignal, type StopSignal } from './signals.ts'

export interface Patience {
  readonly servers: readonly Address[]
  /** In milliseconds; `undefined` for no limit. */
  readonly timeout?: number
  /** True for a question that waits for another client, such as the holder of a lock, however well the cluster works. */
  readonly waitsForClient?: boolean
  /** False for a later question of the same command, which need not warn of servers that belong to different clusters. */
  readonly isFirst?: boolean
}

/** After this time without an answer, the program checks whether enough servers answer at all, in milliseconds. */
const doubtMs = 2_000

/** The time that servers have to answer when they are counted, in milliseconds. The count ends before the timeout. */
const countingMs = 1_000

/** The time after the timeout in which a request can be cancelled, in milliseconds. */
const takingBackMs = 1_000

/** Asks the cluster a question, with a client of its own, as `askWith` does. The session of the client ends with the question. */
export async function ask<T>(
  patience: Patience,
  question: (client: Client, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const client = connect({ servers: patience.servers })
  try {
    return await askWith(client, patience, (signal) => question(client, signal))
  } finally {
    await client.close({ endSessions: true })
  }
}

/**
 * Asks the cluster a question. Gives up after `timeout`, or when a signal ends the program: it then throws a `Failure` within a
 * second, which names the number of servers that answer. Also throws a `Failure` when the service refuses. `question` must reject
 * when its signal aborts. `onStop` decides which signals end the program. Warns on stderr of servers that belong to different clusters,
 * for the first question of a command.
 */
export async function askWith<T>(
  client: Client,
  { servers, timeout, waitsForClient = false, isFirst = true }: Patience,
  question: (signal: AbortSignal) => Promise<T>,
  onStop: typeof onStopSignal = onStopSignal,
): Promise<T> {
  const givingUp = new AbortController()
  let interruptedBy: StopSignal | null = null
  const removeHandlers = onStop((signal) => {
    interruptedBy = signal
    givingUp.abort(new Error(signal))
  })
  const doubt = setTimeout(() => void printWhyItWaits(client, servers, givingUp.signal), doubtMs)
  const clusters = new ClusterWatch(isFirst ? servers : [])
  const deadline = timeout === undefined ? null : new Deadline(timeout, givingUp, () => answering(client))
  try {
    const answer = question(givingUp.signal)
    return await (deadline === null ? answer : Promise.race([answer, deadline.missed]))
  } catch (error) {
    if (error instanceof RequestFailed || error instanceof ReadFailed) throw new Failure(visible(error.error))
    if (error instanceof RequestTooLarge) throw wrongUse(error.message)
    if (error instanceof QuotaExceeded) throw new Failure(error.message, exitCodes.quotaExceeded)
    if (!givingUp.signal.aborted) throw error
    const doubts = error instanceof Aborted ? `; ${error.message}` : ''
    if (interruptedBy !== null) throw new Failure(`interrupted${doubts}`, signalExitCodes[interruptedBy])
    const after = `after ${(timeout ?? 0) / 1000} s`
    const known = (await deadline?.counted()) ?? { kind: 'none' }
    if (known.kind === 'none') throw noServerAnswers(servers, after, doubts)
    const gaveUp = `gave up ${after} (${known.text})`
    if (known.kind === 'enough' && waitsForClient) throw new Failure(`${gaveUp}${doubts}`, exitCodes.gaveUp)
    throw new Failure(`${gaveUp}: see paxos status${doubts}`, exitCodes.noQuorum)
  } finally {
    if (clusters.warning !== null) complain(clusters.warning)
    await clusters.close()
    clearTimeout(doubt)
    deadline?.clear()
    removeHandlers()
  }
}

/** The deadline of a question. Before it, the answering servers are counted; after it, the request can still be cancelled. */
class Deadline {
  /** Rejects with `Aborted` when the request could not be cancelled in time. */
  readonly missed: Promise<never>
  #count: Promise<Answering | null> | null = null
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(timeout: number, givingUp: AbortController, count: () => Promise<Answering>) {
    let miss: (reason: unknown) => void = () => undefined
    this.missed = new Promise<never>((_, reject) => {
      miss = reject
    })
    // Nothing may await it any more.
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

  /** The servers that answer; `null` when the count did not end in time. */
  counted(): Promise<Answering | null> {
    return Promise.race([this.#count, this.missed.catch(() => null)])
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** Executes `run` and then ends the process: pending work, such as a name look-up, cannot affect the result of the command. */
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
    `no server answered ${after} at ${servers.join(', ')}: ${why.join('; ')} (--servers gives their addresses)${doubts}`,
    exitCodes.noServerAnswers,
  )
}

/** Prints the likely reason for a missing answer to stderr, if there is one. */
async function printWhyItWaits(
  client: Client,
  servers: readonly Address[],
  signal: AbortSignal,
): Promise<void> {
  // A client that was closed in the meantime has its answer.
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
