/** The clients of a measurement, in a process of their own. */
import { measureHandOff } from '../load/hand-off.ts'
import { measureLoad } from '../load/load.ts'
import { commonCommands, serve } from './commands.ts'

const commands = { ...commonCommands, load: measureLoad, handOff: measureHandOff }
export type ClientCommands = typeof commands

serve(commands)
