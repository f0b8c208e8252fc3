/**
 * The charts, laid out. In the page's build this module is replaced by what it evaluates to, so that no page lays out
 * anything; where the page's parts are loaded without a build, it is done here.
 */
import { layOutCharts } from './layout.ts'

export const charts = await layOutCharts()
