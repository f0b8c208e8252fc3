/** The library with which programs send requests to a cluster. */
export type { ChangedQuota, Client, RequestOptions, ServerStatus, Upgraded } from './client.ts'
export { connect } from './connect.ts'
export * from './errors.ts'
export type { ExecutedRequest } from './executed-request.ts'
export type { Kv, KvOptions, KvReadOptions } from './kv.ts'
export { KeyLost } from './kv-errors.ts'
export type { Lock } from './lock.ts'
export {
  AlreadyHeld,
  DeadlockDetected,
  LockBusy,
  type LockHolder,
  type LockLossReason,
  LockLost,
  LockTimeout,
  PermitsDiffer,
  Unreachable,
} from './lock-errors.ts'
export type { LockOptions, QueryOptions } from './lock-options.ts'
export type { Locks } from './locks.ts'
export type { ConnectOptions, ConnectTiming } from './options.ts'
export type { Reading, ReadOptions } from './reads.ts'
export type { EndedSession, Sessions, SessionsOptions, ShownSession } from './sessions.ts'
