/** From what a directory holds, or from nothing, to a server that is somebody and may take part. */
import type { Socket } from 'node:dgram'
import { existsSync } from 'node:fs'
import type { Address } from '../../machines/batch.ts'
import type { Resolver } from '../network/resolver.ts'
import type { Identity } from '../storage/storage.ts'
import { foundCluster } from './founding.ts'
import { greet } from './greet.ts'
import { DataDirectory, type Home, homeless } from './home.ts'
import { beginningOf, joiningIdentity, newIncarnation, type StartOptions } from './identity.ts'
import { type Invited, joinCluster } from './joining.ts'
import type { Logger } from './logger.ts'
import { type OpenStore, openStore } from './open-store.ts'
import type { OptionWords } from './option-words.ts'

/** How long the server that is asked to let another join has to answer, in milliseconds. */
export const joinPatienceMs = 10_000

/** A server that may serve. Its store is open. */
export interface Begun extends OpenStore {
  readonly identity: Identity
  /** What a server was told that joins now; `null` for any other. */
  readonly invited: Invited | null
}

/** Who a server is, and how it came to be that. */
interface Settled {
  readonly identity: Identity
  readonly isMember: boolean
  readonly invited: Invited | null
}

export interface BeginOptions extends StartOptions {
  readonly signal?: AbortSignal
  readonly resolver?: Resolver
}

/**
 * Finds out who this server is, which takes as long as a cluster takes to be founded, and opens its store. Throws a `StartError` or a
 * `StorageError` when it cannot start, and the reason of `signal`.
 */
export async function begin(
  options: BeginOptions,
  around: { readonly socket: Socket; readonly address: Address; readonly logger: Logger },
): Promise<Begun> {
  const { dataDir } = options
  // What is refused leaves no directory behind: one that is not there holds nothing.
  if (dataDir !== null && !existsSync(dataDir)) beginningOf(null, options)
  const directory = dataDir === null ? null : openDirectory(dataDir, around.logger, options.words)
  const home = directory ?? homeless
  const { identity, isMember, invited } = await identityOf(options, home, around)
  const store = await openStore(directory, options, { identity, isMember }, () => {
    if (!isMember) home.write({ kind: 'member', identity })
  })
  return { identity, invited, ...store }
}

function openDirectory(dataDir: string, logger: Logger, words: OptionWords): DataDirectory {
  const warn = (permissions: string) =>
    logger.warn(
      { permissions },
      `others may read ${dataDir}, which holds all that clients ever asked: chmod 700 ${dataDir}`,
    )
  return DataDirectory.open(dataDir, warn, words)
}

async function identityOf(
  options: BeginOptions,
  home: Home,
  { socket, address, logger }: Parameters<typeof begin>[1],
): Promise<Settled> {
  const beginning = beginningOf(home.read(), options)
  switch (beginning.kind) {
    case 'goOn':
      return { ...beginning, invited: null }
    case 'found': {
      const { record, isNew } = beginning
      if (isNew) home.write({ kind: 'founding', record })
      const { signal, resolver, words } = options
      const identity = await foundCluster({ socket, address, record, home, logger, signal, resolver, words })
      return { identity, isMember: false, invited: null }
    }
    case 'join': {
      const { seed } = beginning
      const incarnation = newIncarnation()
      const { id, resolver, signal, words } = options
      const patience = { patienceMs: joinPatienceMs, resolver, signal, words }
      const welcome = await greet(seed, patience)
      const { cluster } = welcome
      logger.info({ seed, cluster, address }, 'joining: asks the cluster to add this server')
      const invited = await joinCluster(socket, seed, welcome, { id, address, incarnation }, patience)
      const identity = joiningIdentity(id, incarnation, { cluster, founders: invited.founders })
      home.write({ kind: 'new', identity })
      return { identity, isMember: false, invited }
    }
  }
  return beginning satisfies never
}
