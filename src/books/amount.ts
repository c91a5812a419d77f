/** The shape of an amount in what operations take and give. Raises nothing. */

import { z } from 'zod'

export const amount = z.string().meta({ id: 'Amount', description: 'Decimal text.' })
