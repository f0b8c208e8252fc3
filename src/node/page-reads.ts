import type { NodeId } from '../../machines/batch.ts'
import { maxPagesForStrangers } from '../wire/limits.ts'

/**
 * Reads pages of chosen batches, and chunks of snapshots, for other servers. A question takes a few bytes and a page fills a datagram. So each server gets
 * one read at a time, and all non-members together get a few. Other questions are refused during that time; the sender asks
 * again.
 */
export class PageReads {
  readonly #isMember: (id: NodeId, incarnation: string) => boolean
  readonly #reading = new Map<string, { readonly isMember: boolean }>()
  #refused = 0

  constructor(isMember: (id: NodeId, incarnation: string) => boolean) {
    this.#isMember = isMember
  }

  /** The number of pages that are being read now, and of refused questions. */
  get counters(): { readonly reading: number; readonly refused: number } {
    return { reading: this.#reading.size, refused: this.#refused }
  }

  /**
   * Runs `read` for the server `id` with that directory. Does nothing when another read for it is running, or when too many reads for
   * non-members are running.
   */
  async read(id: NodeId, incarnation: string, read: () => Promise<void>): Promise<void> {
    const isMember = this.#isMember(id, incarnation)
    const to = `${id} ${incarnation}`
    if (this.#reading.has(to) || (!isMember && this.#readingForStrangers >= maxPagesForStrangers)) {
      this.#refused += 1
      return
    }
    this.#reading.set(to, { isMember })
    try {
      await read()
    } finally {
      this.#reading.delete(to)
    }
  }

  get #readingForStrangers(): number {
    return [...this.#reading.values()].filter(({ isMember }) => !isMember).length
  }
}
