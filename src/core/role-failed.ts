/** A machine threw, or a role, a client or a node breaks an invariant of its own. The message says which, and what is wrong. */
export class RoleFailed extends Error {
  override readonly name = 'RoleFailed'
}
