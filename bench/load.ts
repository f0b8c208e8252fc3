/** A load of lock and unlock pairs from one client process, and its measured times. */
import { connect } from '../src/client/index.ts'
import { lockCommand, unlockCommand } from '../src/services/lock-commands.ts'

export interface Load {
  readonly requestsPerSecond: number
  /** The number of answered requests, including those of the warm-up. */
  readonly answered: number
  /** Milliseconds of every request after the warm-up. */
  readonly times: readonly number[]
}

/**
 * Keeps `outstanding` requests outstanding for `seconds`; each worker uses its own lock. The `warmUpSeconds` before do not count, because
 * a new process still compiles its code.
 */
export async function measureLoad(
  servers: readonly string[],
  outstanding: number,
  seconds: number,
  warmUpSeconds: number,
): Promise<Load> {
  const client = connect({ servers: [...servers] })
  const times: number[] = []
  let answered = 0
  const warmUntil = performance.now() + warmUpSeconds * 1_000
  const until = warmUntil + seconds * 1_000
  async function timed(ask: () => Promise<unknown>): Promise<void> {
    const begin = performance.now()
    await ask()
    answered += 1
    if (begin >= warmUntil) times.push(performance.now() - begin)
  }
  async function work(worker: number): Promise<void> {
    while (performance.now() < until) {
      await timed(() => client.request(lockCommand(`bench-${worker}`)))
      await timed(() => client.request(unlockCommand(`bench-${worker}`)))
    }
  }
  await Promise.all(Array.from({ length: outstanding }, (_, worker) => work(worker)))
  const took = (performance.now() - warmUntil) / 1_000
  await client.close()
  return { requestsPerSecond: times.length / took, answered, times }
}
