import type { NodeId } from '../../machines/batch.ts'
import { maxPagesForStrangers } from '../wire/limits.ts'

/**
 * The pages of what was chosen that are being read for other servers. A question is a few bytes and a page fills a
 * datagram, so each server is read one at a time, and those that are no members a few in all. What is asked meanwhile is
 * not read: whoever asked asks again, after the page or in its place.
 */
export class PageReads {
  readonly #isMember: (id: NodeId, incarnation: string) => boolean
  readonly #reading = new Map<string, { readonly isMember: boolean }>()
  #refused = 0

  constructor(isMember: (id: NodeId, incarnation: string) => boolean) {
    this.#isMember = isMember
  }

  /** Pages that are being read now, and questions that were not read. */
  get counters(): { readonly reading: number; readonly refused: number } {
    return { reading: this.#reading.size, refused: this.#refused }
  }

  /** Reads a page for the server `id` with that directory, unless one is being read for it, or too many are for servers that are no members. */
  async read<T>(id: NodeId, incarnation: string, read: () => Promise<T>): Promise<T | null> {
    const isMember = this.#isMember(id, incarnation)
    const to = `${id} ${incarnation}`
    if (this.#reading.has(to) || (!isMember && this.#readingForStrangers >= maxPagesForStrangers)) {
      this.#refused += 1
      return null
    }
    this.#reading.set(to, { isMember })
    try {
      return await read()
    } finally {
      this.#reading.delete(to)
    }
  }

  get #readingForStrangers(): number {
    return [...this.#reading.values()].filter(({ isMember }) => !isMember).length
  }
}
