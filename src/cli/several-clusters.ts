/**
 * Servers of one list that belong to different clusters: one of them was perhaps founded anew by mistake, at an address that the
 * clients of the others use. A client uses the cluster that answers first, so its answers may come from the wrong one.
 */
import type { Address } from '../../machines/batch.ts'
import { connect } from '../client/index.ts'

/** A server, as the user named it or as it names itself, and the cluster that it reports. */
export interface Belonging {
  readonly server: string
  readonly cluster: string
}

/** The warning for servers that belong to different clusters; `null` when all belong to one. */
export function severalClusters(servers: readonly Belonging[]): string | null {
  const clusters = new Map<string, string[]>()
  for (const { server, cluster } of servers) clusters.set(cluster, [...(clusters.get(cluster) ?? []), server])
  if (clusters.size < 2) return null
  const each = [...clusters].map(([cluster, those]) => `${those.join(', ')} to ${cluster}`)
  return `these servers belong to different clusters: ${each.join('; ')}. A client of all of them uses the one that answers first: stop the servers of the wrong cluster`
}

/** Asks servers for their clusters, beside a question to them. Waits for no answer. */
export class ClusterWatch {
  readonly #heard: Belonging[] = []
  readonly #close: () => Promise<void>

  /** Asks each of `servers`, with a client of its own: one that has chosen its cluster hears no other. */
  constructor(servers: readonly Address[]) {
    if (servers.length < 2) {
      this.#close = async () => undefined
      return
    }
    const client = connect({ servers })
    this.#close = () => client.close()
    for (const server of servers) {
      client.status(server).then(
        (answers) => {
          for (const answer of answers) if ('status' in answer) this.#add(server, answer.status)
        },
        // It was closed before the server answered.
        () => undefined,
      )
    }
  }

  /** The warning for those that have answered so far; `null` when there is none. */
  get warning(): string | null {
    return severalClusters(this.#heard)
  }

  close(): Promise<void> {
    return this.#close()
  }

  #add(server: Address, status: unknown): void {
    const { cluster } = Object(status) as { readonly cluster?: unknown }
    // A server that is founding has no cluster yet.
    if (typeof cluster === 'string') this.#heard.push({ server, cluster })
  }
}
