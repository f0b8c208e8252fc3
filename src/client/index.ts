/** The library with which programs send requests to a cluster. */
export type { Client, Lock, RequestOptions, ServerStatus } from './client.ts'
export { connect } from './connect.ts'
export * from './errors.ts'
export type { ExecutedRequest } from './executed-request.ts'
export type { Kv, KvOptions } from './kv.ts'
export type { ConnectOptions, ConnectTiming } from './options.ts'
export type { EndedSession, Sessions, SessionsOptions, ShownSession } from './sessions.ts'
