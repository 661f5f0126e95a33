-- Compressing a text of 3 MB is nine tenths of storing it, at every edit; what it saves is a thirtieth of the disk.
ALTER TABLE novels ALTER COLUMN body SET STORAGE EXTERNAL;
