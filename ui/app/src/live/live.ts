import { Company } from './company'
import { LiveLink } from './socket'
import { LiveStore } from './store'

/** The page's one store, and the socket that feeds it. */
export const store = new LiveStore()
export const company = new Company()
export const link = new LiveLink(store, company)
