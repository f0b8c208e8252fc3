/** The servers of an old cluster that still run: a cluster that takes its place must not answer the same clients beside it. */
import type { Address } from '../../machines/batch.ts'
import { Failure } from './exit-codes.ts'
import { inquireOnce } from './inquire.ts'

/** How long the servers have to answer, in milliseconds. */
const answerMs = 1_000

/** Throws a `Failure` while a server at one of `addresses` answers as a server of the old `cluster`. */
export async function refuseWhileRunning(addresses: readonly Address[], cluster: string): Promise<void> {
  if (addresses.length === 0) return
  const answers = await inquireOnce(addresses, answerMs)
  const running = answers.flatMap(({ server, report }) => (report?.cluster === cluster ? [server] : []))
  if (running.length === 0) return
  throw new Failure(
    `servers of the cluster ${cluster} still run at ${running.join(', ')}: with a majority of them the cluster goes on, and nothing ` +
      'is lost. To give it up, stop all its servers first: clients would be answered by two clusters',
  )
}
