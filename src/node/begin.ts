/** The start of a server: from its directory, or from nothing, to a server with an identity that may take part in the cluster. */
import type { Socket } from 'node:dgram'
import { existsSync } from 'node:fs'
import type { Address } from '../../machines/batch.ts'
import type { Boot } from '../../machines/boot.ts'
import type { Resolver } from '../network/resolver.ts'
import type { Identity } from '../storage/storage.ts'
import { BootsFile } from './boots-file.ts'
import { foundCluster } from './founding.ts'
import { greet } from './greet.ts'
import { DataDirectory, type Home, homeless } from './home.ts'
import { beginningOf, joiningIdentity, newIncarnation, type StartOptions } from './identity.ts'
import { type Invited, joinCluster } from './joining.ts'
import type { Logger } from './logger.ts'
import { type OpenStore, openStore } from './open-store.ts'
import type { OptionWords } from './option-words.ts'
import { checkService, checkServiceOfPeers } from './peer-service.ts'

/** How long a joining server waits for an answer of the cluster, in milliseconds. */
export const joinPatienceMs = 10_000

/** A server that is ready to serve. Its store is open. */
export interface Begun extends OpenStore {
  readonly identity: Identity
  readonly boot: Boot
  /** Why this server sends nothing, as it had found in an earlier run; `null` while it takes part. */
  readonly withdrawn: string | null
  /** Makes this server send nothing in later runs either, durably. */
  readonly withdraw: (reason: string) => void
  /** Makes the directory one with which no server starts, durably. */
  readonly condemn: (reason: string) => void
  /** Where the boots of other members are stored; `null` for a server that stores in memory. */
  readonly boots: BootsFile | null
  /** The invitation of a server that joins now; `null` for any other server. */
  readonly invited: Invited | null
}

/** The identity of a server, and how the server got it. */
interface Settled {
  readonly identity: Identity
  readonly boot: Boot
  readonly isMember: boolean
  readonly withdrawn: string | null
  readonly invited: Invited | null
}

export interface BeginOptions extends StartOptions {
  readonly moved?: boolean
  readonly signal?: AbortSignal
  readonly resolver?: Resolver
}

/**
 * Determines the identity of this server and opens its store. This may wait until the cluster is founded. Throws a `StartError`
 * or a `StorageError` when the server cannot start, and the reason of `signal` when that aborts.
 */
export async function begin(
  options: BeginOptions,
  around: { readonly socket: Socket; readonly address: Address; readonly logger: Logger },
): Promise<Begun> {
  const { dataDir, service } = options
  // Check the options first, so that a refused start creates no directory. A missing directory holds nothing.
  if (dataDir !== null && !existsSync(dataDir)) beginningOf(null, options)
  const directory = dataDir === null ? null : openDirectory(dataDir, around.logger, options.words)
  const home = directory ?? homeless()
  const release = (await directory?.lock()) ?? (async () => undefined)
  try {
    const { identity, boot, isMember, withdrawn, invited } = await identityOf(options, home, around)
    const store = await openStore(directory, options, { identity, isMember, release }, () => {
      if (!isMember) home.write({ kind: 'member', identity, service })
    })
    const condemn = (reason: string) => home.write({ kind: 'condemned', identity, service, reason })
    const withdraw = (reason: string) => home.write({ kind: 'member', identity, service, withdrawn: reason })
    const boots = dataDir === null ? null : new BootsFile(dataDir, { ...identity, boot }, around.logger)
    return { identity, boot, withdrawn, withdraw, condemn, boots, invited, ...store }
  } catch (error) {
    await release()
    throw error
  }
}

function openDirectory(dataDir: string, logger: Logger, words: OptionWords): DataDirectory {
  const warn = (permissions: string) =>
    logger.warn(
      { permissions },
      `other users can read ${dataDir}, which holds every request of every client: run chmod 700 ${dataDir}`,
    )
  return DataDirectory.open(dataDir, warn, words)
}

/** Begins a boot before the first datagram. */
function beginBoot(home: Home, { moved = false, dataDir, words }: BeginOptions, logger: Logger): Boot {
  const { boot, notOriginal } = home.beginBoot(moved)
  const option = words.names.moved
  if (moved && notOriginal === null) {
    logger.warn(`${option} has no effect, because ${dataDir ?? 'memory'} was not moved: leave it out`)
  } else if (moved) {
    logger.warn(
      { notOriginal },
      `${option}: takes ${dataDir} for the directory of this server, with nothing lost`,
    )
  }
  return boot
}

async function identityOf(
  options: BeginOptions,
  home: Home,
  { socket, address, logger }: Parameters<typeof begin>[1],
): Promise<Settled> {
  const beginning = beginningOf(home.read(), options)
  const boot = beginBoot(home, options, logger)
  switch (beginning.kind) {
    case 'goOn': {
      const { identity, isMember, withdrawn, namesService } = beginning
      if (!namesService) {
        await checkServiceOfPeers(identity, options)
        home.write({ kind: isMember ? 'member' : 'new', identity, service: options.service })
      }
      return { identity, boot, isMember, withdrawn, invited: null }
    }
    case 'found': {
      const { record, isNew } = beginning
      if (isNew) home.write({ kind: 'founding', record })
      const { signal, resolver, words } = options
      const identity = await foundCluster({ socket, address, record, home, logger, signal, resolver, words })
      return { identity, boot, isMember: false, withdrawn: null, invited: null }
    }
    case 'join': {
      const { seed } = beginning
      const incarnation = newIncarnation()
      const { id, resolver, service, signal, words } = options
      const patience = { patienceMs: joinPatienceMs, resolver, signal, words }
      const welcome = await greet(seed, patience)
      checkService(seed, welcome, options)
      const { cluster } = welcome
      logger.info({ seed, cluster, address }, 'joining: asks the cluster to add this server')
      const invited = await joinCluster(socket, seed, welcome, { id, address, incarnation }, patience)
      const identity = joiningIdentity(id, incarnation, { cluster, founders: invited.founders })
      home.write({ kind: 'new', identity, service })
      return { identity, boot, isMember: false, withdrawn: null, invited }
    }
  }
  return beginning satisfies never
}
