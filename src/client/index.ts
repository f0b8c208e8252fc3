/** The library that programs use to speak to a cluster. */
export type { Client, Lock, RequestOptions, ServerStatus } from './client.ts'
export { connect } from './connect.ts'
export * from './errors.ts'
export type { ConnectOptions, ConnectTiming } from './options.ts'
export type { ExecutedRequest } from './requests.ts'
