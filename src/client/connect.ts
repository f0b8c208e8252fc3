import type { CommandOf, ResultOf } from '../services/define-service.ts'
import type { Service } from '../services/service.ts'
import { Client } from './client.ts'
import { type ConnectOptions, settingsFrom } from './options.ts'

/** A service, or what it carries: its name and the types of its commands and results. */
type Typed = Pick<Service, 'name' | 'parse' | 'execute'>

/**
 * Makes a client of the cluster whose servers `options` name. It sends nothing before the first request. Throws
 * InvalidArgument when an option is invalid. With the option `service`, `request` takes the commands of that service and resolves
 * to its results.
 */
export function connect<S extends Typed>(
  options: ConnectOptions & { readonly service: S },
): Client<CommandOf<S>, ResultOf<S>>
export function connect(options?: ConnectOptions): Client
export function connect(options: ConnectOptions = {}): Client {
  return new Client(settingsFrom(options), options.signal)
}
