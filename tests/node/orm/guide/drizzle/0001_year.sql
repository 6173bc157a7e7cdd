ALTER TABLE `books` ADD `year` integer;--> statement-breakpoint
CREATE UNIQUE INDEX `authors_name_unique` ON `authors` (`name`);