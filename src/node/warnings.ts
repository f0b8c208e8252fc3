import type { Address, NodeId } from '../../machines/batch.ts'
import type { Oddity } from '../../machines/outputs.ts'
import { visible } from '../core/visible.ts'
import type { Logger } from './logger.ts'
import type { OptionWords } from './option-words.ts'
import { Seldom } from './seldom.ts'

/** How often each warning is logged, at most. */
const warnEveryMs = 60_000

const oddityTexts: Readonly<Record<Oddity, string>> = {
  stranger: 'dropped what a server said that is no member and does not know this one',
  round: 'dropped a ballot with a round far above every known one',
  instance: 'dropped a message about an instance far above every known one',
  batch: 'refused a second batch for one ballot and instance: two servers use one id, or one lies',
  void: 'a server holds a record above an instance at which nothing was accepted: it is void',
  chosen: 'dropped a batch that was said to be chosen where this server knows another one',
}

/** Warnings that anybody can cause by datagrams: each is logged at most once a minute, so that a flood does not fill the log. */
export class Warnings {
  readonly #logger: Logger
  readonly #names: OptionWords['names']
  readonly #oddities = new Map<Oddity, Seldom>()
  readonly #refusals = new Seldom(warnEveryMs)
  readonly #silences = new Seldom(warnEveryMs)

  constructor(logger: Logger, { names }: OptionWords) {
    this.#logger = logger
    this.#names = names
  }

  /** A role dropped what `sender` sent. */
  oddity(oddity: Oddity, sender: NodeId): void {
    const seldom = this.#oddities.get(oddity) ?? new Seldom(warnEveryMs)
    this.#oddities.set(oddity, seldom)
    seldom.happened((times) => this.#logger.warn({ oddity, sender, times }, oddityTexts[oddity]))
  }

  /** A server founds a cluster, and is no founder of this one. */
  refusal(server: NodeId, from: Address): void {
    this.#refusals.happened((times) =>
      this.#logger.warn(
        { times, from, server },
        `a server founds a cluster, and is no founder of this one by its directory or its ${this.#names['bootstrap.members']}: it is told to join`,
      ),
    )
  }

  /** A client that speaks plain text got no answer. */
  silence(reason: string, from: Address): void {
    this.#silences.happened((times) =>
      this.#logger.warn({ times, from, example: visible(reason) }, 'requests in plain text got no answer'),
    )
  }
}
