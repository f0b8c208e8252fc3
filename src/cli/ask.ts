import type { Address } from '../../machines/batch.ts'
import type { Client } from '../client/index.ts'
import { Aborted, connect, RequestFailed } from '../client/index.ts'
import { exitCodes, Failure, signalExitCodes } from './exit-codes.ts'
import { complain } from './output.ts'
import { onStopSignal, type StopSignal } from './signals.ts'

export interface Patience {
  readonly servers: readonly Address[]
  /** Milliseconds; undefined for as long as it takes. */
  readonly timeout?: number
}

/** After this long without an answer it is looked whether any server answers at all, in milliseconds. */
const doubtMs = 2_000

/**
 * Asks the cluster a question and gives it up after `timeout`, or when the user interrupts it: throws a `Failure` then, that
 * tells whether servers answered; and one when the service refuses. `question` is to reject at the signal.
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
  const patience = timeout && setTimeout(() => givingUp.abort(new Error('timeout')), timeout)
  const doubt = setTimeout(() => void sayIfNoneAnswers(client, servers, givingUp.signal), doubtMs)
  try {
    return await question(client, givingUp.signal)
  } catch (error) {
    if (error instanceof RequestFailed) throw new Failure(error.error)
    if (!givingUp.signal.aborted) throw error
    const doubts = error instanceof Aborted ? `; ${error.message}` : ''
    if (interruptedBy !== null) throw new Failure(`interrupted${doubts}`, signalExitCodes[interruptedBy])
    const after = `after ${(timeout ?? 0) / 1000} s`
    const { answering, asked } = await countAnswering(client)
    if (answering === 0) throw noServerAnswers(servers, after, doubts)
    throw new Failure(`gave up ${after} (${answering} of ${asked} servers answer)${doubts}`, exitCodes.gaveUp)
  } finally {
    clearTimeout(patience || undefined)
    clearTimeout(doubt)
    unhear()
    await client.close()
  }
}

/** Rejects when `signal` aborts: for a question that cannot be given up. */
export function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    answer.then(resolve, reject)
    signal.addEventListener('abort', () => reject(new Aborted(null, signal.reason)), { once: true })
  })
}

export function noServerAnswers(servers: readonly Address[], after: string, doubts = ''): Failure {
  return new Failure(
    `no server answered ${after} at ${servers.join(', ')}: are they running? (--servers says where they are)${doubts}`,
    exitCodes.noServerAnswers,
  )
}

async function sayIfNoneAnswers(
  client: Client,
  servers: readonly Address[],
  signal: AbortSignal,
): Promise<void> {
  // A client that was closed meanwhile has its answer.
  const counted = await countAnswering(client).catch(() => null)
  if (counted?.answering !== 0 || signal.aborted) return
  complain(`no server answers yet at ${servers.join(', ')}; still asking`)
}

async function countAnswering(
  client: Client,
): Promise<{ readonly answering: number; readonly asked: number }> {
  const answers = await client.status()
  return { answering: answers.filter((answer) => 'status' in answer).length, asked: answers.length }
}
