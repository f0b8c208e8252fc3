import type { RoleEvent, RoleName } from '../../machines/inbox.ts'

/**
 * The line in which the events of a node wait for its roles. An event comes after those that wait already, and its consequences come
 * after it, so every engine keeps the same order.
 */
export class Router {
  readonly #deliver: (role: RoleName, event: RoleEvent) => void
  readonly #pending: { readonly role: RoleName; readonly event: RoleEvent }[] = []
  #isDraining = false

  /** `deliver` gives an event to a role, which takes it at once. */
  constructor(deliver: (role: RoleName, event: RoleEvent) => void) {
    this.#deliver = deliver
  }

  /** Gives an event to a role, after those that wait. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#pending.push({ role, event })
    if (!this.#isDraining) this.enter(() => undefined)
  }

  /** Runs something that makes a role act, such as its timer, and then delivers all that follows from it. */
  enter(run: () => void): void {
    if (this.#isDraining) {
      run()
      return
    }
    this.#isDraining = true
    try {
      run()
      // By index, since a shift from the front of a long list costs its length.
      for (let next = 0; next < this.#pending.length; next += 1) {
        const pending = this.#pending[next]
        if (pending !== undefined) this.#deliver(pending.role, pending.event)
      }
    } finally {
      this.#pending.length = 0
      this.#isDraining = false
    }
  }
}
