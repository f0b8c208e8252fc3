import type { Address, NodeId } from '../../machines/batch.ts'
import type { Oddity } from '../../machines/outputs.ts'
import { visible } from '../core/visible.ts'
import type { Logger } from './logger.ts'
import type { OptionWords } from './option-words.ts'
import { Seldom } from './seldom.ts'

/** The shortest time between two lines of the same warning, in milliseconds. */
const warnEveryMs = 60_000

const oddityTexts: Readonly<Record<Oddity, string>> = {
  stranger: 'dropped a message of a server that is not a member and does not know this one',
  round: 'dropped a ballot with a round far above every known one',
  instance: 'dropped a message about an instance far above every known one',
  batch: 'refused a second batch for one ballot and instance: two servers use one id, or a server is faulty',
  void: 'a server holds a record above an instance at which nothing was accepted: it is void',
  late: 'dropped a message of an earlier run of a server: it came late, or an older copy of its directory runs',
  copied:
    'dropped a message of a server whose directory was copied or put back: it may have forgotten votes. Stop that server, remove it, and let it join with an empty directory',
  chosen: 'dropped a batch that a server reported as chosen, because this server knows another batch there',
  snapshot:
    'refused a snapshot of another server: its bytes do not have its digest, or another service wrote it',
}

/** Warnings that any datagram can cause. Each is logged at most once a minute, so that a flood does not fill the log. */
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

  /** Warns that a role dropped a message of `sender`. */
  oddity(oddity: Oddity, sender: NodeId): void {
    const seldom = this.#oddities.get(oddity) ?? new Seldom(warnEveryMs)
    this.#oddities.set(oddity, seldom)
    seldom.happened((times) => this.#logger.warn({ oddity, sender, times }, oddityTexts[oddity]))
  }

  /** Warns of a server that founds a cluster and is not a founder of this one. */
  refusal(server: NodeId, from: Address): void {
    this.#refusals.happened((times) =>
      this.#logger.warn(
        { times, from, server },
        `a server founds a cluster, but its directory or its ${this.#names['bootstrap.members']} differs from those of this cluster: the answer asks it to join`,
      ),
    )
  }

  /** Warns that a plain text client got no answer. */
  silence(reason: string, from: Address): void {
    this.#silences.happened((times) =>
      this.#logger.warn({ times, from, example: visible(reason) }, 'requests in plain text got no answer'),
    )
  }
}
