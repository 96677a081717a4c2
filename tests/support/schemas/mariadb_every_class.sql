CREATE TABLE department (id SMALLINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL COMMENT 'as on the door', UNIQUE KEY by_name (name)) COMMENT='wards';
CREATE TABLE employee (
  id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, department SMALLINT UNSIGNED, birth DATE, hired DATETIME(6) DEFAULT '2020-01-01 00:00:00',
  salary DECIMAL(12,2), ratio FLOAT, exact DOUBLE, kind ENUM('nurse','médecin') DEFAULT 'nurse', flags SET('a','b'), bits BIT(9), photo BLOB,
  about JSON, name VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_swedish_ci, full_name VARCHAR(90) AS (CONCAT('Dr ', name)) STORED,
  year_born INT AS (YEAR(birth)) VIRTUAL, note TEXT, place POINT, token UUID,
  CONSTRAINT works_in FOREIGN KEY (department) REFERENCES department (id) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT paid CHECK (salary >= 0 AND salary IN (0, 10, 20.5)), KEY by_kind (kind, birth), FULLTEXT KEY words (note)
);
INSERT INTO department (name) VALUES ('cardiology'), ('orthopédie'), ('💉');
SET SESSION sql_mode = '';
INSERT INTO employee (department, birth, hired, salary, ratio, exact, kind, flags, bits, photo, about, name, note, place, token) VALUES
  (1, '0000-00-00', '0000-00-00', 10, 1.23456789, 0.1, 'médecin', 'a,b', b'101', x'00ff275c', '{"a": 1}', 'Müller', 'ten mg 💉', POINT(1, 2), UUID()),
  (2, '1970-02-03', NOW(6), NULL, 3.5, 1e300, 'nurse', '', b'0', NULL, NULL, NULL, NULL, NULL, NULL);
SET SESSION check_constraint_checks = 0;
INSERT INTO employee (id, about) VALUES (18446744073709551000, 'no json');
SET SESSION check_constraint_checks = 1, sql_mode = DEFAULT;
CREATE TABLE `select` (`we``ird "na'me"; -- x` INT, `back\slash` INT, `größe.x` VARCHAR(9), KEY `ind``ex` (`back\slash`));
INSERT INTO `select` VALUES (1, 2, '\\'), (1, 2, '\\'), (NULL, NULL, NULL);
CREATE TABLE `we``ird na'me.x\y` (id INT PRIMARY KEY);
CREATE TABLE `my isam.é` (id INT PRIMARY KEY) ENGINE=MyISAM;
INSERT INTO `we``ird na'me.x\y` VALUES (1);
CREATE TABLE aria_one (id INT PRIMARY KEY, t TEXT) ENGINE=Aria TRANSACTIONAL=1;
CREATE TABLE export_file (id INT NOT NULL) ENGINE=CSV;
CREATE TABLE cache (id INT) ENGINE=MEMORY;
INSERT INTO cache VALUES (1);
CREATE TABLE nothing_at_all (id INT);
CREATE TABLE audit (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO audit VALUES (1, 1), (2, 1);
UPDATE audit SET v = 2;
CREATE TABLE audit_shown (id INT PRIMARY KEY, v INT, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
INSERT INTO audit_shown (id, v) VALUES (1, 1);
CREATE TABLE stay (id INT, bed INT, arrived DATE, gone DATE, PERIOD FOR stayed (arrived, gone), UNIQUE (bed, stayed WITHOUT OVERLAPS));
INSERT INTO stay VALUES (1, 1, '2026-01-01', '2026-01-02');
CREATE TABLE visit (id INT, y INT) PARTITION BY RANGE (y) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2020) COMMENT='old', PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO visit VALUES (1, 2019), (2, 2025);
CREATE SEQUENCE number_of_case START WITH 1000 INCREMENT BY 10;
CREATE SEQUENCE backwards START WITH -1 MINVALUE -1000 MAXVALUE -1 INCREMENT BY -1;
CREATE TABLE drawn (id BIGINT PRIMARY KEY DEFAULT NEXTVAL(number_of_case), t VARCHAR(9));
INSERT INTO drawn (t) VALUES ('a'), ('b');
CREATE USER app@localhost, reader@localhost;
CREATE ROLE nurse;
GRANT SELECT, INSERT ON ward.* TO app@localhost;
GRANT SELECT (name), UPDATE (name) ON ward.department TO reader@localhost;
GRANT SELECT ON ward.employee TO nurse;
GRANT nurse TO reader@localhost;
CREATE DEFINER=app@localhost SQL SECURITY DEFINER VIEW staff AS SELECT e.id, (e.salary + 1) * 2 AS s, CONCAT(d.name, 'é') AS d FROM employee e LEFT JOIN department d ON d.id = e.department WHERE e.kind IN ('nurse', 'médecin');
CREATE SQL SECURITY INVOKER VIEW `view of ``view` AS SELECT * FROM department WHERE id > 0 WITH CHECK OPTION;
CREATE VIEW grouped AS SELECT id FROM employee WHERE id = 1 OR id = 2 AND note IS NULL;
CREATE VIEW spoken AS SELECT 'a (b)' AS words FROM employee;
CREATE PROCEDURE say() SELECT 'a  b';
DELIMITER //
CREATE DEFINER=app@localhost TRIGGER trimmed BEFORE INSERT ON department FOR EACH ROW
BEGIN
  -- don't
  SET NEW.name = TRIM(NEW.name);	/* tab and \ slash */
END//
CREATE TRIGGER second_one BEFORE INSERT ON department FOR EACH ROW FOLLOWS trimmed SET NEW.name = CONCAT(NEW.name, '')//
CREATE DEFINER=app@localhost PROCEDURE close_case(IN i INT, OUT `o``ut` VARCHAR(20) CHARACTER SET latin1) COMMENT 'a; b' BEGIN DELETE FROM drawn WHERE id = i; END//
CREATE FUNCTION doubled(i INT) RETURNS INT DETERMINISTIC RETURN i * 2//
CREATE AGGREGATE FUNCTION total(x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END//
SET SESSION sql_mode = ORACLE//
CREATE PACKAGE tools AS FUNCTION one RETURN INT; END//
CREATE PACKAGE BODY tools AS FUNCTION one RETURN INT AS BEGIN RETURN 1; END; END//
SET SESSION sql_mode = DEFAULT//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'c' DO DELETE FROM drawn WHERE id < 0//
CREATE EVENT never ON SCHEDULE EVERY 2 HOUR DISABLE DO SELECT 1//
CREATE EVENT once ON SCHEDULE AT '2030-01-01 00:00:00' DO SELECT 1//
DELIMITER ;
