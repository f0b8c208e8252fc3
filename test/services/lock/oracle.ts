/** The lock service as simple lists that are searched from the start. It shares no code with the service. */
import type { LockMode, TakeCommand } from '../../../src/services/lock-commands.ts'

export interface Asking {
  readonly uid: string
  readonly seq: number
  readonly ttlMs: number | null
}

interface Demand {
  readonly names: readonly string[]
  readonly mode: LockMode
  readonly permits: number | null
}

interface Hold extends Demand {
  readonly token: number
  readonly uid: string
  readonly ttlMs: number | null
  entries: number
  uncollected: number[]
  isRevoked: boolean
}

interface Wait extends Demand {
  readonly uid: string
  readonly ttlMs: number | null
  readonly steals: boolean
  seqs: number[]
}

export class LockOracle {
  holds: Hold[] = []
  /** In the order in which they are granted: those that steal first, then in order of arrival. */
  waits: Wait[] = []
  revoked: string[] = []
  #lastToken = 0

  /** What the request returns: its token, the reason why it is refused, or `'waits'`. */
  take(command: TakeCommand, { uid, seq, ttlMs }: Asking): number | string {
    const granted = this.holds.find((hold) => hold.uid === uid && hold.uncollected.includes(seq))
    if (granted !== undefined) {
      granted.uncollected = granted.uncollected.filter((other) => other !== seq)
      return granted.token
    }
    if (this.waits.some((wait) => wait.uid === uid && wait.seqs.includes(seq))) return 'waits'
    const demand: Demand = {
      names: command.names ?? [command.name],
      mode: command.mode ?? 'exclusive',
      permits: command.permits ?? null,
    }
    if (ttlMs !== null) {
      const own = [...this.holds, ...this.waits].find((each) => each.uid === uid && meet(each, demand))
      const stolen = command.steal === true && own !== undefined && 'token' in own
      if (own !== undefined && !stolen) {
        if (command.reentrant !== true || !this.#ownCovers(uid, demand)) return 'alreadyHeld'
        if ('token' in own) {
          own.entries += 1
          return own.token
        }
        own.seqs.push(seq)
        return 'waits'
      }
    }
    const used = [...this.holds, ...this.waits].filter((each) => meet(each, demand))
    if (used.some(({ permits }) => permits !== demand.permits)) return 'permitsDiffer'
    const wait: Wait = { ...demand, uid, ttlMs, steals: command.steal === true, seqs: [seq] }
    const after = this.#copy()
    const result = after.#come(wait, command.try === true)
    if (result === 'busy') return result
    if (ttlMs !== null && after.waitsForItself(uid)) return 'deadlock'
    this.#become(after)
    return result
  }

  /** Whether the session waits for a session that waits for it, directly or through others. */
  waitsForItself(uid: string): boolean {
    return this.waits.some(
      (wait, place) => wait.uid === uid && this.#reaches(wait, this.waits.slice(0, place), uid, new Set()),
    )
  }

  /** The request is granted, or waits at its place. */
  #come(wait: Wait, tries: boolean): number | 'busy' | 'waits' {
    if (wait.steals) this.#takeAway(wait, wait.uid)
    const before = this.waits.filter(({ steals }) => steals || !wait.steals)
    if (this.#fits(wait, before)) return this.#grant(wait, []).token
    if (tries) return 'busy'
    this.waits = [...before, wait, ...this.waits.slice(before.length)]
    return 'waits'
  }

  #copy(): LockOracle {
    const copy = new LockOracle()
    copy.#become(this)
    return copy
  }

  #become(other: LockOracle): void {
    this.holds = other.holds.map((hold) => ({ ...hold }))
    this.waits = other.waits.map((wait) => ({ ...wait }))
    this.revoked = [...other.revoked]
    this.#lastToken = other.#lastToken
  }

  unlock(names: readonly string[], token: number | undefined): boolean {
    const hold = this.holds.find(
      (each) =>
        each.uncollected.length < each.entries &&
        names.every((name) => each.names.includes(name)) &&
        (token === undefined ? each.ttlMs === null : each.token === token),
    )
    if (hold === undefined) return false
    this.#leave(hold)
    return true
  }

  force(name: string, now: boolean): void {
    for (const hold of this.holds.filter(({ names }) => names.includes(name))) {
      if (hold.ttlMs !== null) this.revoked.push(hold.uid)
      hold.isRevoked = true
      if (now || hold.ttlMs === null) this.#end(hold)
    }
  }

  requestEnded(uid: string, seq: number): void {
    for (const wait of this.waits.filter((each) => each.uid === uid)) {
      wait.seqs = wait.seqs.filter((other) => other !== seq)
    }
    this.waits = this.waits.filter(({ seqs }) => seqs.length > 0)
    for (const hold of this.holds.filter((each) => each.uid === uid && each.uncollected.includes(seq))) {
      hold.uncollected = hold.uncollected.filter((other) => other !== seq)
      this.#leave(hold)
    }
  }

  sessionEnded(uid: string): void {
    this.holds = this.holds.filter((hold) => hold.uid !== uid)
    this.waits = this.waits.filter((wait) => wait.uid !== uid)
  }

  /** Grants what fits, in order. Returns the requests that are granted. */
  settle(): string[] {
    const granted: string[] = []
    for (const wait of [...this.waits]) {
      const before = this.waits.slice(0, this.waits.indexOf(wait))
      if (!this.#fits(wait, before)) continue
      this.waits = this.waits.filter((other) => other !== wait)
      this.#grant(wait, wait.seqs)
      granted.push(...wait.seqs.map((seq) => `${wait.uid}#${seq}`))
    }
    return granted
  }

  #fits(wait: Wait, before: readonly Wait[]): boolean {
    return wait.names.every((name) => {
      const holders = this.holds.filter(({ names }) => names.includes(name))
      const ahead = before.filter(({ names }) => names.includes(name))
      if (wait.permits !== null) return holders.length + ahead.length < wait.permits
      return [...holders, ...ahead].every(({ mode }) => mode === 'shared' && wait.mode === 'shared')
    })
  }

  #grant(wait: Wait, seqs: readonly number[]): Hold {
    const { names, mode, permits, uid, ttlMs } = wait
    this.#lastToken += 1
    const hold: Hold = {
      ...{ token: this.#lastToken, names, mode, permits, uid, ttlMs },
      ...{ entries: Math.max(1, seqs.length), uncollected: [...seqs], isRevoked: false },
    }
    this.holds.push(hold)
    return hold
  }

  #takeAway(demand: Demand, uid: string): void {
    for (const hold of this.holds.filter((each) => meet(each, demand))) {
      if (hold.uid === uid || hold.ttlMs === null) this.#end(hold)
      else {
        hold.isRevoked = true
        this.revoked.push(hold.uid)
      }
    }
  }

  #ownCovers(uid: string, demand: Demand): boolean {
    const [first, ...others] = [...this.holds, ...this.waits].filter(
      (each) => each.uid === uid && meet(each, demand),
    )
    return (
      first !== undefined &&
      others.length === 0 &&
      demand.names.every((name) => first.names.includes(name)) &&
      first.permits === demand.permits &&
      (first.mode === 'exclusive' || demand.mode === 'shared')
    )
  }

  /** Whether the wait needs the session `uid` to make way, at once or after others. */
  #reaches(wait: Wait, before: readonly Wait[], uid: string, seen: Set<Wait>): boolean {
    return wait.names.some((name) => {
      if (wait.permits !== null && wait.permits > 1) return false
      const excludes = (each: Demand) =>
        each.names.includes(name) &&
        (wait.permits !== null || wait.mode === 'exclusive' || each.mode === 'exclusive')
      const sessions = new Set(
        [...this.holds.filter(({ isRevoked }) => !isRevoked), ...before]
          .filter((each) => each.ttlMs !== null && excludes(each))
          .map((each) => each.uid),
      )
      if (sessions.has(uid)) return true
      return this.waits.some((other, place) => {
        const isBlocker = sessions.has(other.uid) || (before.includes(other) && excludes(other))
        if (!isBlocker || seen.has(other)) return false
        seen.add(other)
        return this.#reaches(other, this.waits.slice(0, place), uid, seen)
      })
    })
  }

  #leave(hold: Hold): void {
    hold.entries -= 1
    if (hold.entries === 0) this.#end(hold)
  }

  #end(hold: Hold): void {
    this.holds = this.holds.filter((other) => other !== hold)
  }
}

function meet(a: Demand, b: Demand): boolean {
  return a.names.some((name) => b.names.includes(name))
}
