import { describePlans } from './plans.ts';

describePlans(1_000_000);
