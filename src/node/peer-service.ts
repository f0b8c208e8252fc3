/** The service of a cluster, as its servers report it: a server that runs another one must not take part. */
import type { Address } from '../../machines/batch.ts'
import type { Welcome } from '../../machines/messages.ts'
import { StartError } from '../core/start-error.ts'
import type { Resolver } from '../network/resolver.ts'
import type { Identity } from '../storage/storage.ts'
import { greet } from './greet.ts'
import type { OptionWords } from './option-words.ts'

/** How long a server waits for the service of its peers, in milliseconds, when its directory does not name it. */
const peerPatienceMs = 1_000

/** The server that starts: its service, and the names of its options in errors. */
interface StartingServer {
  /** The name of the service. */
  readonly service: string
  readonly resolver?: Resolver
  readonly words: OptionWords
}

/** Throws a `StartError` when the server at `address`, which answered `welcome`, runs another service. */
export function checkService(
  address: Address,
  { service: running }: Welcome,
  { service, words: { names } }: Pick<StartingServer, 'service' | 'words'>,
): void {
  if (running === service) return
  throw new StartError(
    `the cluster of the server at ${address} runs the service ${running}, and ${names.service} is ${service}: start this server with ${names.service} ${running}`,
  )
}

/**
 * Asks the founders of the cluster of `identity` for their service. Throws a `StartError` when one of them runs another. A founder
 * that does not answer in time, or that left the cluster, is ignored.
 */
export async function checkServiceOfPeers(
  { cluster, node, members }: Identity,
  starting: StartingServer,
): Promise<void> {
  const { resolver, words } = starting
  const others = members.filter(({ id }) => id !== node)
  await Promise.all(
    others.map(async ({ address }) => {
      const welcome = await greet(address, { patienceMs: peerPatienceMs, resolver, words }).catch(() => null)
      if (welcome?.cluster === cluster) checkService(address, welcome, starting)
    }),
  )
}
