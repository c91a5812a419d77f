#!/usr/bin/env node
import { main } from './app.js'

await main(process.argv.slice(2))
