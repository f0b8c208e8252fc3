/** Finds the cycle of sessions that a new wait would close. */
import type { CycleStep, LockRefusal } from '../lock-commands.ts'
import { countBelow, emptyMap, entriesOf } from '../sorted-map.ts'
import { lockLimits } from './limits.ts'
import { publicSession } from './show.ts'
import type { Demand, Lock, Party, Waiter } from './state.ts'
import type { LockTable } from './table.ts'

type Wait = Demand & { readonly place: string }

/** A session that was found on the way from the one that asks. */
interface Visit {
  readonly uid: string
  readonly owner: string
  readonly cameFrom: Visit | null
  /** The lock for which `cameFrom` waits. */
  readonly through: string
}

/**
 * Returns the refusal of a demand that would come to `place` when its session would then wait for itself, with a shortest cycle. A
 * session waits for the holders of a lock and for those before it in its line, when all of them must make way: so not for one of
 * several permits. A revoked session makes way by itself.
 *
 * A demand that steals passes those that wait already: they then wait for its session, which may wait for them elsewhere.
 */
export function deadlockOf(
  table: LockTable,
  asked: Demand & Party,
  place: string,
  kind: 'waits' | 'steals',
): LockRefusal | null {
  // A session that has nothing keeps nobody waiting, and waits for nothing else.
  if (table.owner(asked.owner) === undefined) return null
  const coming = { ...asked, place }
  return new Search(table, kind === 'steals' ? coming : null).from(coming)
}

class Search {
  readonly #table: LockTable
  /** The demand that takes its names from their holders, and passes all that stand behind its place. */
  readonly #steal: (Wait & Party) | null
  readonly #visited = new Set<string>()
  /** By name and mode, the place before which the line was followed. */
  readonly #followed = new Map<string, string>()
  #stepsLeft: number = lockLimits.deadlockSteps

  constructor(table: LockTable, steal: (Wait & Party) | null) {
    this.#table = table
    this.#steal = steal
  }

  from(asked: Wait & Party): LockRefusal | null {
    const first: Visit = { uid: asked.uid, owner: asked.owner, cameFrom: null, through: '' }
    const open = [first]
    for (const visit of open) {
      const others = visit === first && this.#steal === null ? [] : this.#waitsOf(visit.owner)
      const waits: readonly Wait[] = visit === first ? [asked, ...others] : others
      for (const wait of waits) {
        for (const name of wait.names) {
          for (const { uid, owner } of this.#blockersOf(name, wait)) {
            if (owner === asked.owner) return refusal(visit, name)
            if (this.#visited.has(owner)) continue
            this.#visited.add(owner)
            open.push({ uid, owner, cameFrom: visit, through: name })
          }
        }
      }
      if (this.#stepsLeft <= 0) return null
    }
    return null
  }

  /** What a session waits for, in order of seq. */
  #waitsOf(owner: string): Waiter[] {
    const waits = new Map<string, Waiter>()
    const refs = entriesOf(this.#table.owner(owner)?.requests ?? emptyMap, Math.max(0, this.#stepsLeft))
    this.#stepsLeft -= refs.length
    for (const [, ref] of refs) {
      const waiter = 'place' in ref ? this.#table.waiter(ref.place) : undefined
      if (waiter !== undefined) waits.set(waiter.place, waiter)
    }
    return [...waits.values()]
  }

  /** Those that must all make way at `name` before the wait is granted, unless they were followed before. */
  #blockersOf(name: string, wait: Wait): Party[] {
    const lock = this.#table.lock(name)
    const isOneOfSeveral = wait.permits !== null && wait.permits > 1
    const stolenBy = this.#steal?.names.includes(name) === true ? this.#steal : null
    if (stolenBy !== null && wait.place > stolenBy.place) return [stolenBy]
    if (lock === undefined || isOneOfSeveral || this.#table.isAdmitted(name, wait, wait.place)) return []
    const key = `${wait.mode} ${name}`
    const followed = this.#followed.get(key) ?? ''
    if (followed >= wait.place) return []
    this.#followed.set(key, wait.place)
    const isHeld = stolenBy === null && (wait.mode === 'exclusive' || lock.isExclusive)
    const holders = isHeld ? this.#holdersOf(lock) : []
    const line = wait.mode === 'exclusive' ? lock.line : lock.exclusives
    const ahead = Math.min(countBelow(line, wait.place), Math.max(0, this.#stepsLeft))
    this.#stepsLeft -= ahead + 1
    const waiters = entriesOf(line, ahead).map(([place]) => this.#table.waiter(place))
    return [...holders, ...waiters.filter((waiter) => waiter !== undefined)]
  }

  #holdersOf(lock: Lock): Party[] {
    const holders = this.#table.holdersOf(lock, Math.max(0, this.#stepsLeft))
    this.#stepsLeft -= holders.length
    return holders.filter((grant) => !grant.isRevoked)
  }
}

function refusal(last: Visit, name: string): LockRefusal {
  const cycle: CycleStep[] = [{ session: publicSession(last.uid), name }]
  for (let visit = last; visit.cameFrom !== null; visit = visit.cameFrom) {
    cycle.unshift({ session: publicSession(visit.cameFrom.uid), name: visit.through })
  }
  const more = Math.max(0, cycle.length - lockLimits.shown)
  return { refused: 'deadlock', cycle: cycle.slice(0, lockLimits.shown), more }
}
